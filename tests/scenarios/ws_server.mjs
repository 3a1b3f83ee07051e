// A server on npm's ws that carries out a part of faultd's rules: close, fin, rst, refuse, fragment; else it echoes.
// Usage: node ws_server.mjs MODULE_FOLDER CERT KEY RULE...   (CERT and KEY "-": plain)
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';

const [folder, cert, key, ...texts] = process.argv.slice(2);
const { WebSocketServer } = createRequire(`${folder}/`)('ws');

const shape = /^(?:path (?<path>\S+) )?(?:after (?<ms>\d+)ms (?:jitter \d+% )?)?(?<what>close|fin|rst|refuse|fragment)(?: (?<number>\d+))?(?: "(?<text>.*)")?$/;
const rules = texts.map((text) => {
  const match = shape.exec(text);
  if (!match) throw new Error(`rule not known to this server: ${text}`);
  return { ...match.groups, number: Number(match.groups.number || 0), text: match.groups.text || '' };
});
const rulesFor = (path) => rules.filter((rule) => !rule.path || path.startsWith(rule.path));

const act = {
  close: (socket, rule) => socket.close(rule.number, rule.text),
  fin: (socket) => socket._socket.end(),
  rst: (socket) => socket._socket.resetAndDestroy(), // not under TLS, where node gives no way to it
};

const server = cert === '-' ? http.createServer() : https.createServer({ cert: readFileSync(cert), key: readFileSync(key) });
const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: true });

server.on('upgrade', (request, socket, head) => {
  const mine = rulesFor(request.url), refusal = mine.find((rule) => rule.what === 'refuse');
  if (refusal) {
    socket.end(`HTTP/1.1 ${refusal.number} Refused\r\nContent-Length: ${Buffer.byteLength(refusal.text)}\r\nConnection: close\r\n\r\n${refusal.text}`);
    return;
  }
  sockets.handleUpgrade(request, socket, head, (client) => {
    const piece = mine.find((rule) => rule.what === 'fragment')?.number;
    client.on('error', () => {});
    client.on('message', (data, binary) => {
      const step = piece || data.length || 1;
      for (let at = 0; at === 0 || at < data.length; at += step) client.send(data.subarray(at, at + step), { binary, fin: at + step >= data.length });
    });
    for (const rule of mine) if (act[rule.what]) setTimeout(() => act[rule.what](client, rule), Number(rule.ms || 0));
  });
});
server.listen(0, '127.0.0.1', 1024, () => console.log(`LISTEN 127.0.0.1:${server.address().port}`));
process.on('SIGTERM', () => process.exit(0));
