// A server that keeps what it owes a client over its connections, on npm's ws. Header X-Client tells clients apart.
// Of a client's messages, numbered from 0: 2 and 4 are not answered, and 4 ends the connection. On the next one 2 and 4 are
// answered, 4 and 0 once more, and 1 with a damaged token; from then on all are, 7 after 8.
// Usage: node keeping_server.mjs MODULE_FOLDER
import { createRequire } from 'node:module';

const [folder] = process.argv.slice(2);
const { WebSocketServer } = createRequire(`${folder}/`)('ws');
const clients = new Map();

const damaged = (text) => text.replace(/(lh\w{10})(\w)/, (_, begin, digit) => begin + (digit === '0' ? '1' : '0'));

function take(heard, socket, text) {
  const n = heard.push(text) - 1;
  if (n === 4) socket.close(1012);
  else if (n === 8) socket.send(text), socket.send(heard[7]);
  else if (n !== 2 && n !== 7) socket.send(text);
}

const server = new WebSocketServer({ port: 0, host: '127.0.0.1' }, () => console.log(`LISTEN 127.0.0.1:${server.address().port}`));
server.on('connection', (socket, request) => {
  const name = request.headers['x-client'], heard = clients.get(name) ?? [];
  const isBack = clients.has(name);
  clients.set(name, heard);
  socket.on('error', () => {});
  socket.on('message', (data) => take(heard, socket, data.toString()));
  if (isBack) for (const text of [heard[2], heard[4], heard[4], heard[0], damaged(heard[1])]) socket.send(text);
});
process.on('SIGTERM', () => process.exit(0));
