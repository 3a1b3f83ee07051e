// Server-sent events on Node's http: an id and some data every 50 ms. Every 40th event the connection is ended, and whoever
// comes back goes on where it was (Last-Event-ID). Usage: node sse.mjs
import http from 'node:http';

const server = http.createServer((request, response) => {
  let id = Number(request.headers['last-event-id'] ?? 0);
  console.log(`FROM ${id}`);
  response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
  response.write('retry: 100\n\n: welcome\n\n');
  const timer = setInterval(() => {
    response.write(`id: ${++id}\ndata: {"n": ${id},\ndata:  "at": ${Date.now()}}\n\n`);
    if (id % 40 === 0) response.end();
  }, 50);
  response.on('close', () => clearInterval(timer));
});
server.listen(0, '127.0.0.1', () => console.log(`LISTEN 127.0.0.1:${server.address().port}`));
