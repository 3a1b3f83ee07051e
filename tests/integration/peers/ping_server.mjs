// Pings each client every 100 ms with a payload of its own, on npm's ws, and counts the pongs that carry it back.
// Usage: node ping_server.mjs MODULE_FOLDER; SIGTERM: prints "PINGS n PONGS n".
import { createRequire } from 'node:module';

const [folder] = process.argv.slice(2);
const { WebSocketServer } = createRequire(`${folder}/`)('ws');
let pings = 0,
  pongs = 0;

const server = new WebSocketServer({ port: 0, host: '127.0.0.1' }, () => console.log(`LISTEN 127.0.0.1:${server.address().port}`));
server.on('connection', (socket) => {
  let awaited = null;
  const timer = setInterval(() => {
    awaited = `ping ${pings++}`;
    socket.ping(awaited);
  }, 100);
  socket.on('pong', (data) => {
    pongs += data.toString() === awaited;
  });
  socket.on('error', () => {});
  socket.on('close', () => clearInterval(timer));
});
process.on('SIGTERM', () => {
  console.log(`PINGS ${pings} PONGS ${pongs}`);
  process.exit(0);
});
