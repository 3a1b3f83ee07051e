// A server that knows its clients by cookies alone, on npm's ws: /page (and /in, which redirects there), event streams at /events,
// WebSockets at /ws; the last two end after 150 ms, and each connection after five requests. The first answer to a client sets its
// session, every third one a new one in its place. What comes: new clients, sessions as they should be, sessions replaced or never
// given, and cookies that were not to be sent here: for another path, for TLS, past their time.
// Usage: node cookie_server.mjs MODULE_FOLDER
import { createRequire } from 'node:module';
import http from 'node:http';

const { WebSocketServer } = createRequire(`${process.argv[2]}/`)('ws');
const count = { fresh: 0, known: 0, foreign: 0, misplaced: 0 };
const sessions = new Map();
let last = 0;

function session(uses) {
  const name = `s-${++last}-${Math.random().toString(36).slice(2)}`;
  sessions.set(name, uses);
  return `sid=${name}; Path=/; HttpOnly; SameSite=Lax`;
}

// What the request says; returns the cookies to set.
function look(request) {
  const sent = new Map((request.headers.cookie ?? '').split('; ').filter(Boolean).map((pair) => pair.split('=', 2)));
  const sid = sent.get('sid'), set = [];
  for (const name of ['elsewhere', 'secure', 'gone']) if (sent.has(name)) count.misplaced++;
  if (sent.has('brief') && Date.now() - Number(sent.get('brief')) > 2500) count.misplaced++;
  if (!sid) {
    count.fresh++;
    return [session(1), 'elsewhere=1; Path=/elsewhere', 'secure=1; Secure', 'gone=1', 'gone=; Expires=Thu, 01 Jan 1970 00:00:00 GMT',
      `brief=${Date.now()}; Max-Age=1`, 'foreign=1; Domain=example.test'];
  }
  if (!sessions.has(sid)) return count.foreign++, set;
  count.known++;
  const uses = sessions.get(sid) + 1;
  sessions.set(sid, uses);
  if (uses % 3 === 0) sessions.delete(sid), set.push(session(0));
  return set;
}

const server = http.createServer((request, response) => {
  const set = look(request);
  if (set.length) response.setHeader('Set-Cookie', set);
  if (request.url === '/in') return response.writeHead(302, { Location: '/page' }).end();
  if (request.url !== '/events') return response.end('page');
  response.writeHead(200, { 'Content-Type': 'text/event-stream' });
  response.write('data: x\n\n');
  setTimeout(() => response.end(), 150);
});
server.maxRequestsPerSocket = 5;
const sockets = new WebSocketServer({ server, path: '/ws' });
sockets.on('headers', (headers, request) => { for (const cookie of look(request)) headers.push(`Set-Cookie: ${cookie}`); });
sockets.on('connection', (socket) => setTimeout(() => socket.close(1012), 150));
server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, () => console.log(`LISTEN 127.0.0.1:${server.address().port}`));
process.on('SIGTERM', () => {
  console.log(JSON.stringify(count));
  process.exit(0);
});
