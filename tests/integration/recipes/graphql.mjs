// graphql-ws's server on npm's ws: one subscription that ticks, one query that echoes. Usage: node graphql.mjs MODULE_FOLDER
import { createRequire } from 'node:module';

const load = createRequire(`${process.argv[2]}/`);
const { WebSocketServer } = load('ws');
const { useServer } = load('graphql-ws/use/ws');
const { buildSchema } = load('graphql');

const schema = buildSchema('type Query { echo(text: String!): String! } type Subscription { tick: Int! }');
async function* ticks() {
  for (let n = 0; ; n++) {
    await new Promise((done) => setTimeout(done, 100));
    yield { tick: n };
  }
}
const server = new WebSocketServer({ port: 0, host: '127.0.0.1', path: '/graphql' });
const hooks = {
  schema,
  roots: { query: { echo: ({ text }) => text }, subscription: { tick: ticks } },
  onSubscribe: (_context, id) => { console.log(`SUBSCRIBE ${id}`); },
  onClose: (_context, code) => console.log(`CLOSE ${code}`),
};
useServer(hooks, server, 300); // pings every 300 ms, and ends who does not answer
server.on('listening', () => console.log(`LISTEN 127.0.0.1:${server.address().port}`));
// The protocol's own ping, which is a message.
server.on('connection', (socket) => {
  const timer = setInterval(() => socket.send('{"type":"ping"}'), 300);
  socket.on('message', (data) => { if (String(data).includes('"pong"')) console.log('PONG'); });
  socket.on('close', () => clearInterval(timer));
});
