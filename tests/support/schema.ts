/** The types of the database, generated from a migrated one. As a program it writes them: `npm run schema`. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { startEmbeddedPostgres } from '../../src/platform/embedded-postgres.ts';
import { createLog } from '../../src/platform/log.ts';
import { migrate } from '../../src/platform/migrate.ts';
import { prepareStorage } from '../../src/telemetry/storage/engine-store.ts';

const root = join(import.meta.dirname, '../..');

/** Where the generated types are kept. */
export const schemaFile = join(root, 'src/platform/schema.ts');

/** The text of the types of the migrated, empty database at `url`, formatted as the project's files are. */
export async function generateSchema(url: string): Promise<string> {
  const pool = new pg.Pool({ connectionString: url });
  await prepareStorage(pool, createLog('silent'));
  await pool.end();
  const folder = await mkdtemp(join(root, 'node_modules', '.schema-'));
  try {
    const file = join(folder, 'schema.ts');
    const options = [
      '--dialect',
      'postgres',
      '--no-domains',
      '--numeric-parser',
      'number',
      '--include-pattern',
      'public.*',
      '--exclude-pattern',
      '*.{reading,rollup_1m,rollup_15m,rollup_1h,rollup_1d}_*',
    ];
    await promisify(execFile)('kysely-codegen', ['--url', url, '--out-file', file, ...options], { cwd: root });
    const written = await readFile(file, 'utf8');
    const formatting = execFile('biome', ['format', '--stdin-file-path', 'src/platform/schema.ts'], { cwd: root });
    formatting.stdin?.end(written);
    let text = '';
    for await (const chunk of formatting.stdout ?? []) text += chunk;
    return text;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

if (import.meta.main) {
  const folder = await mkdtemp(join(tmpdir(), 'faultline-schema-'));
  const server = await startEmbeddedPostgres(folder, createLog('warn'));
  await migrate(server.url, join(root, 'migrations'));
  await writeFile(schemaFile, await generateSchema(server.url));
  await server.stop();
  await rm(folder, { recursive: true, force: true });
}
