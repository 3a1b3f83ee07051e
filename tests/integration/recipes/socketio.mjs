// A Socket.IO server: acknowledges "echo", pings every 300 ms, and drops who does not answer. Usage: node socketio.mjs MODULE_FOLDER
import { createRequire } from 'node:module';
import http from 'node:http';

const { Server } = createRequire(`${process.argv[2]}/`)('socket.io');
const server = http.createServer();
const io = new Server(server, { pingInterval: 300, pingTimeout: 1700 });
io.on('connection', (socket) => {
  socket.on('echo', (text, done) => done(text));
  socket.on('disconnect', (reason) => console.log(`DISCONNECT ${reason}`));
  console.log('JOIN');
});
server.listen(0, '127.0.0.1', () => console.log(`LISTEN 127.0.0.1:${server.address().port}`));
