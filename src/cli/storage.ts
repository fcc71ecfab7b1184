import { parseArgs } from 'node:util';
import { keepEvidence, listHolds } from '../insights/evidence/evidence-keep-store.ts';
import type { Config } from '../platform/config.ts';
import type { Database } from '../platform/database.ts';
import { writeDays } from '../platform/kept-days.ts';
import { keepStorage } from '../telemetry/retention/keep-storage.ts';
import { type RetentionReport, reportRetention } from '../telemetry/retention/report-retention.ts';
import type { Retention } from '../telemetry/retention/retain.ts';
import { widthOf } from '../telemetry/retention/retention.ts';
import { keepOfSettings } from '../telemetry/retention/retention-settings.ts';
import { findSettledMs } from '../telemetry/retention/settled.ts';
import { type EngineKind, prepareStorage } from '../telemetry/storage/engine-store.ts';
import { cancelMove, moveStorage } from '../telemetry/storage/move-storage.ts';
import { findStorage } from '../telemetry/storage/move-store.ts';
import { measureTables } from '../telemetry/storage/statistics.ts';
import { askNow } from '../telemetry/storage/upkeep-store.ts';
import { createCommandLog } from './command-log.ts';
import { createProgressBar, formatNumber } from './progress-bar.ts';
import { print, printJson } from './rules/print.ts';
import { untilSignal } from './signal.ts';
import { withDatabase } from './with-database.ts';

const usage = `usage: faultline storage COMMAND [--json]

  show                            the engine that stores telemetry, and how much of it there is
  retention --dry-run             what is past the time for which it is kept, and what is held back
  retention --run                 the same, dropped now (a running program does so every hour)
  move --to hypertable|partitions copies all telemetry to the other engine; stop every program first
  move --cancel                   gives up a move that was broken off`;

const engines = ['hypertable', 'partitions'] as const;

/**
 * `faultline storage`: shows what telemetry there is and what would be dropped, and moves it between TimescaleDB and native
 * partitions. Resolves with the exit code; rejects with a sentence where something stands against it.
 */
export async function runStorage(argv: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: argv,
    allowPositionals: true,
    options: {
      'dry-run': { type: 'boolean', default: false },
      run: { type: 'boolean', default: false },
      to: { type: 'string' },
      cancel: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const [command, ...others] = positionals;
  const to = engines.find((engine) => engine === values.to);
  const asJson = values.json;
  if (!values.help && others.length === 0) {
    if (command === 'show') return withDatabase((database) => show(database, asJson));
    if (command === 'retention' && values['dry-run'] !== values.run)
      return withDatabase((database, config) =>
        values.run ? run(database, config, asJson) : dryRun(database, config, asJson),
      );
    if (command === 'move' && values.cancel && values.to === undefined)
      return untilSignal((signal) => withDatabase((database) => cancel(database, signal)));
    if (command === 'move' && !values.cancel && to !== undefined)
      return untilSignal((signal) => withDatabase((database) => move(database, to, signal)));
  }
  print(usage);
  return values.help ? 0 : 2;
}

const day = (timeMs: number | null) => (timeMs === null ? '' : new Date(timeMs).toISOString().slice(0, 10));
const size = (bytes: number | null) => (bytes === null ? '?' : `${formatNumber(Math.round(bytes / 1e5) / 10)} MB`);

async function show({ db }: Database, asJson: boolean): Promise<number> {
  const storage = await findStorage(db);
  if (storage === undefined) throw new Error('no program has stored telemetry in this database yet');
  const tables = await measureTables(db, storage.kind);
  const settled = new Date(await findSettledMs(db)).toISOString();
  if (asJson) {
    printJson({ engine: storage.kind, moving_to: storage.movingTo, settled_through: settled, tables });
    return 0;
  }
  print(`telemetry is stored in ${storage.kind}, and rolled up through ${settled}`);
  if (storage.movingTo !== null) print(`a move to ${storage.movingTo} has begun and is not finished`);
  const rows = tables.map(({ table, pieces, closed, rows: count, bytes, fromMs, toMs }) => [
    table,
    `${pieces}${closed > 0 ? `, ${closed} ${storage.kind === 'hypertable' ? 'compressed' : 'in order'}` : ''}`,
    formatNumber(count),
    size(bytes),
    day(fromMs),
    day(toMs),
  ]);
  printTable(['table', 'pieces', 'rows, about', 'size', 'from', 'before'], rows);
  return 0;
}

async function retentionOf(database: Database, config: Config): Promise<Retention> {
  const { kind } = await prepareStorage(database.pool, createCommandLog());
  return { kind, installation: keepOfSettings(config), keepers: { listHolds, keepEvidence } };
}

async function dryRun(database: Database, config: Config, asJson: boolean): Promise<number> {
  const { db } = database;
  const report = await reportRetention(db, await retentionOf(database, config), { nowMs: await askNow(db) });
  if (asJson) {
    printJson(report);
    return 0;
  }
  print(`rolled up, so that it may go, is what is before ${new Date(report.settledMs).toISOString()}`);
  if (report.losses.length === 0) print('nothing would go');
  else {
    const rows = report.losses.map((loss) => [
      widthOf[loss.table],
      loss.site,
      loss.class ?? '',
      writeDays(loss.keptForDays),
      formatNumber(loss.points),
      day(loss.fromMs),
      day(loss.beforeMs),
      formatNumber(loss.rows),
      size(loss.bytes),
    ]);
    printTable(['table', 'site', 'class', 'kept', 'points', 'from', 'before', 'rows, about', 'size'], rows);
  }
  for (const { insightId, site, points, fromMs } of report.held)
    print(`held back from ${day(fromMs)} on: ${points} points at ${site}, for the insight ${insightId}`);
  for (const line of waitingLines(report)) print(line);
  return 0;
}

/** A line for each site, table and piece that holds back; classes are in the JSON. */
function waitingLines({ waiting }: RetentionReport): string[] {
  const lines = Map.groupBy(waiting, ({ table, site, fromMs, madeMs, untilMs }) => {
    const because = `until ${day(untilMs)}, since the piece of storage that begins there was made on ${day(madeMs)}`;
    return `held back from ${day(fromMs)} on: ${widthOf[table]} at ${site}, ${because}`;
  });
  return [...lines].map(
    ([line, own]) => `${line}: about ${formatNumber(own.reduce((sum, { rows }) => sum + rows, 0))} rows`,
  );
}

async function run(database: Database, config: Config, asJson: boolean): Promise<number> {
  const log = createCommandLog();
  const retention = await retentionOf(database, config);
  const compressAfterMs = config.COMPRESS_AFTER * 86_400_000;
  const done = await untilSignal((signal) => keepStorage(database.db, { retention, compressAfterMs, log }, { signal }));
  if (done === undefined) throw new Error('a running program is at it just now');
  if (asJson) printJson(done);
  else
    print(
      `${done.dropped} pieces dropped, ${formatNumber(done.rowsDeleted)} rows deleted, ${done.compressed} pieces compressed or put in order, ${done.left} left for the next time`,
    );
  return 0;
}

async function move(database: Database, to: EngineKind, signal: AbortSignal): Promise<number> {
  const bar = createProgressBar();
  const log = createCommandLog();
  const { rows, isWhole } = await moveStorage(database, to, { log, signal, onCopied: bar.show }).finally(bar.end);
  print(
    isWhole
      ? `telemetry is stored in ${to}; ${formatNumber(rows)} rows were moved`
      : 'stopped; the same command goes on',
  );
  return isWhole ? 0 : 1;
}

async function cancel(database: Database, signal: AbortSignal): Promise<number> {
  const wasMoving = await cancelMove(database, { signal });
  print(wasMoving ? 'the move was given up; telemetry is stored as before' : 'no move has begun');
  return 0;
}

function printTable(head: readonly string[], rows: readonly (readonly string[])[]): void {
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => (row[i] ?? '').length)));
  for (const row of [head, ...rows])
    print(
      row
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join('  ')
        .trimEnd(),
    );
}
