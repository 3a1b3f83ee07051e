// One server for every kind: WebSocket echo at /ws, a page at /page, events at /events, bytes without end at /stream, and on a
// second port a TCP service that answers each line. Usage: node mixed.mjs MODULE_FOLDER
import { createRequire } from 'node:module';
import http from 'node:http';
import net from 'node:net';

const { WebSocketServer } = createRequire(`${process.argv[2]}/`)('ws');
const page = Buffer.from('{"ready": true}\n');
const events = new Set(), streams = new Set();
let sequence = 0;

const server = http.createServer((request, response) => {
  if (request.url === '/page') {
    response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': page.length });
    response.end(page);
    return;
  }
  const [set, type] = request.url === '/events' ? [events, 'text/event-stream'] : [streams, 'application/octet-stream'];
  response.writeHead(200, { 'Content-Type': type });
  response.flushHeaders();
  set.add(response);
  response.on('close', () => set.delete(response));
});
server.keepAliveTimeout = 0;
server.requestTimeout = 0;
setInterval(() => {
  const event = `id: ${++sequence}\ndata: {"n": ${sequence}, "at": ${Date.now()}}\n\n`;
  for (const response of events) response.write(event);
}, 1000);
const bytes = Buffer.alloc(500, 'x');
setInterval(() => { for (const response of streams) response.write(bytes); }, 1000);

const sockets = new WebSocketServer({ server, path: '/ws', perMessageDeflate: false });
sockets.on('connection', (socket) => socket.on('message', (data, binary) => socket.send(data, { binary })));
const lines = net.createServer((socket) => {
  socket.on('error', () => {});
  socket.on('data', (data) => socket.write(data));
});
server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, () => {
  lines.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, () => {
    console.log(`LISTEN 127.0.0.1:${server.address().port} 127.0.0.1:${lines.address().port}`);
  });
});
