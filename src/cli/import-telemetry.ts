import { readFile, stat } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { Registry } from 'prom-client';
import { readColumns } from '../api/import-columns.ts';
import { isTopicName } from '../assets/discovery.ts';
import { findSite } from '../assets/store.ts';
import type { ImportColumns } from '../ingest/imports/columns.ts';
import type { ImportError } from '../ingest/imports/read-batches.ts';
import { runImport } from '../ingest/imports/run-import.ts';
import { createWriteBatch } from '../ingest/imports/write-batch.ts';
import { createWriting } from '../ingest/writing.ts';
import type { Config } from '../platform/config.ts';
import type { Database } from '../platform/database.ts';
import { prepareStorage } from '../telemetry/storage/engine-store.ts';
import { createCommandLog } from './command-log.ts';
import { findTenantId } from './find-tenant.ts';
import { createProgressBar, formatNumber } from './progress-bar.ts';
import { print, printJson } from './rules/print.ts';
import { untilSignal } from './signal.ts';
import { withDatabase } from './with-database.ts';

const usage = `usage: faultline import telemetry FILE --columns MAP --site SLUG [options]

  FILE            measurements as comma-separated values
  --columns MAP   what its columns are, as YAML: the same as for faultline rules backtest
  --site SLUG     the site that all rows belong to
  --asset NAME    the asset of all rows, where the map names none
  --tenant NAME   the tenant, where there are several
  --json          the outcome as JSON`;

const errorsShownMax = 10;

/** What became of a file. */
type Outcome = {
  rows: number;
  stored: number;
  duplicates: number;
  conflicts: number;
  refused: number;
  errors: ImportError[];
};

/**
 * `faultline import telemetry FILE`: stores a file of measurements and shows how far it has come. The same file again changes
 * nothing, so a run that was broken off is just begun again. Resolves with the exit code.
 */
export async function runTelemetryImport(argv: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: argv,
    allowPositionals: true,
    options: {
      columns: { type: 'string' },
      site: { type: 'string' },
      asset: { type: 'string' },
      tenant: { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const [file, ...others] = positionals;
  const { columns: map, site } = values;
  if (values.help || file === undefined || others.length > 0 || map === undefined || site === undefined) {
    print(usage);
    return values.help ? 0 : 2;
  }
  const columns = await readMap(map, values.asset);
  const { size } = await stat(file);
  const asked = { file, bytes: size, columns, site, asset: values.asset ?? null, tenant: values.tenant };
  const { outcome, isWhole } = await withDatabase((database, config) => importInto(database, config, asked));
  show(outcome, { file, asJson: values.json, isWhole });
  return isWhole && (outcome.refused === 0 || outcome.stored + outcome.duplicates > 0) ? 0 : 1;
}

async function readMap(file: string, asset: string | undefined): Promise<ImportColumns> {
  const read = readColumns(await readFile(file, 'utf8'), file);
  if ('faults' in read) throw new Error(`the column map is wrong\n${read.faults.join('\n\n')}`);
  if (asset !== undefined && !isTopicName(asset))
    throw new Error('--asset: 1 to 128 characters, none of them a control character');
  if (asset === undefined && !read.columns.namesAsset)
    throw new Error(`${file} names no asset: say asset.name or asset.column there, or --asset`);
  return read.columns;
}

type Asked = {
  readonly file: string;
  readonly bytes: number;
  readonly columns: ImportColumns;
  readonly site: string;
  readonly asset: string | null;
  readonly tenant: string | undefined;
};

async function importInto(
  database: Database,
  config: Config,
  asked: Asked,
): Promise<{ outcome: Outcome; isWhole: boolean }> {
  const { db, pool } = database;
  const { file, columns, asset } = asked;
  const log = createCommandLog();
  const tenantId = await findTenantId(db, asked.tenant);
  const site = await findSite(db, tenantId, asked.site);
  if (!site) throw new Error(`--site ${asked.site}: there is no such site`);
  const storage = await prepareStorage(pool, log);
  const writing = createWriting({ database, storage, graceMs: config.GRACE, registry: new Registry() });
  const bar = createProgressBar();
  const outcome: Outcome = { rows: 0, stored: 0, duplicates: 0, conflicts: 0, refused: 0, errors: [] };
  const work = (signal: AbortSignal) =>
    runImport({
      ...{ file, columns, asset, zone: site.time_zone, from: { bytes: 0, line: 1, lastTimes: {} } },
      ...{ receivedMs: Date.now(), signal, log },
      write: createWriteBatch({ db, writing, tenantId, site: site.slug, columns }),
      onBatch: async ({ rows, end }, written) => {
        outcome.rows += rows;
        for (const name of ['stored', 'duplicates', 'conflicts'] as const) outcome[name] += written[name];
        outcome.refused += written.errors.length;
        outcome.errors.push(...written.errors.slice(0, errorsShownMax - outcome.errors.length));
        bar.show({ done: end.bytes, total: asked.bytes, rows: outcome.rows });
        return true;
      },
    });
  return { outcome, isWhole: await untilSignal(work).finally(bar.end) };
}

type Showing = { readonly file: string; readonly asJson: boolean; readonly isWhole: boolean };

function show({ rows, ...outcome }: Outcome, { file, asJson, isWhole }: Showing): void {
  if (asJson) {
    printJson({ file, state: isWhole ? 'done' : 'cancelled', rows, ...outcome });
    return;
  }
  const { stored, duplicates, conflicts, refused, errors } = outcome;
  print(`${file}: ${formatNumber(rows)} rows, ${formatNumber(stored)} readings stored`);
  if (duplicates > 0) print(`  ${formatNumber(duplicates)} were there already with the same value`);
  if (conflicts > 0) print(`  ${formatNumber(conflicts)} were there already with another value, which stays`);
  if (refused > 0) print(`  ${formatNumber(refused)} were refused:`);
  for (const { line, column, detail } of errors)
    print(`    ${file}:${line}: ${column === null ? '' : `${column}: `}${detail}`);
  if (refused > errors.length) print(`    and ${formatNumber(refused - errors.length)} more`);
  if (!isWhole) print('  stopped before its end; the same command again goes on, with what is stored as duplicates');
}
