/** A program that starts the embedded PostgreSQL in the folder it is given, says so, and waits to be killed. */
import { startEmbeddedPostgres } from '../../src/platform/embedded-postgres.ts';
import { createLog } from '../../src/platform/log.ts';

await startEmbeddedPostgres(process.argv[2] ?? '', createLog('silent'));
console.log('running');
setInterval(() => undefined, 60_000);
