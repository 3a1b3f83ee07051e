// Pushes numbers that the request asks for, over WebSocket (npm's ws) and as server-sent events (Node alone).
// Usage: node push_server.mjs MODULE_FOLDER. A path is /ws or /sse with ?n=1,2,4|5,6&every=20&ahead=0&end=1: the numbers of a
// client's first connection, its second and so on, one each `every` ms; `end`: the connection ends behind the last of them;
// `ahead`: the clock is ahead by so many ms; `binary`: WebSocket messages of 4 bytes number and 8 bytes time; `bare`: this many messages without number and time come first.
// Header X-Client tells clients apart. A line of JSON for each connection says which it was, and its Last-Event-ID.
import { createRequire } from 'node:module';
import http from 'node:http';

const [folder] = process.argv.slice(2);
const { WebSocketServer } = createRequire(`${folder}/`)('ws');
const seen = new Map();

function begin(request) {
  const url = new URL(request.url, 'http://x'), client = request.headers['x-client'];
  const nth = seen.get(client) || 0, parts = url.searchParams.get('n').split('|');
  seen.set(client, nth + 1);
  console.log(JSON.stringify({ client, nth, lastEventId: request.headers['last-event-id'] ?? null }));
  return {
    numbers: (parts[nth] || '').split(',').filter(Boolean),
    every: Number(url.searchParams.get('every') || 20),
    ahead: Number(url.searchParams.get('ahead') || 0),
    bare: Number(url.searchParams.get('bare') || 0),
    binary: url.searchParams.has('binary'),
    ends: url.searchParams.has('end') && nth + 1 < parts.length,
  };
}

// The first waits a moment too: what comes with the handshake and what comes after it must be the same to a client.
function push(plan, say, end) {
  const timer = setInterval(() => {
    if (plan.bare-- > 0) return say(null);
    if (plan.numbers.length) return say(plan.numbers.shift(), Date.now() + plan.ahead);
    clearInterval(timer);
    if (plan.ends) end();
  }, plan.every);
  return timer;
}

function frame(n, at) {
  const bytes = Buffer.alloc(13);
  bytes.writeUInt32BE(n, 1);
  bytes.writeBigUInt64LE(BigInt(at), 5);
  return bytes;
}

const server = http.createServer((request, response) => {
  const plan = begin(request);
  response.writeHead(200, { 'Content-Type': 'text/event-stream' });
  response.write(': hello\nretry: 50\n\n');
  const say = (n, at) => response.write(n === null ? 'data: bare\n\n' : `id: ${n}\ndata: {"t":${at}}\n\n`);
  const timer = push(plan, say, () => response.end());
  response.on('close', () => clearInterval(timer));
});
const sockets = new WebSocketServer({ noServer: true });
server.on('upgrade', (request, socket, head) => {
  const plan = begin(request);
  sockets.handleUpgrade(request, socket, head, (client) => {
    client.on('error', () => {});
    const say = (n, at) => client.send(n === null ? 'bare' : plan.binary ? frame(Number(n), at) : JSON.stringify({ seq: Number(n), at: new Date(at).toISOString() }));
    const timer = push(plan, say, () => client.close(1012, 'restarting'));
    client.on('close', () => clearInterval(timer));
  });
});
server.listen(0, '127.0.0.1', 1024, () => console.log(`LISTEN 127.0.0.1:${server.address().port}`));
process.on('SIGTERM', () => process.exit(0));
