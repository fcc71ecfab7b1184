/** An empty route, for comparison: what Fastify takes for a request that asks nothing. A process of its own; it prints its port. */
import Fastify from 'fastify';

const app = Fastify();
app.get('/', async () => ({}));
await app.listen({ port: 0, host: '127.0.0.1' });
const address = app.server.address();
process.stdout.write(`${typeof address === 'object' ? address?.port : ''}\n`);
process.once('SIGTERM', () => void app.close());
