/** `faultline storage`: what there is, what would go, and the move between the engines. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { runStorage } from '../src/cli/storage.ts';
import { openDatabase } from '../src/platform/database.ts';
import { createLog } from '../src/platform/log.ts';
import { keepStorage } from '../src/telemetry/retention/keep-storage.ts';
import { keepDefault } from '../src/telemetry/retention/retention.ts';
import { prepareStorage } from '../src/telemetry/storage/engine-store.ts';
import { moveStorage } from '../src/telemetry/storage/move-storage.ts';
import { listPieces, recordMade } from '../src/telemetry/storage/piece-store.ts';
import { timeTables } from '../src/telemetry/storage/time-table.ts';
import { runHere } from './support/command-here.ts';
import { isHypertable, needsPartitions, needsTimescale } from './support/engine.ts';
import { dayMs, openStage, type Stage } from './support/storage.ts';

const log = createLog('silent');
const midnight = Math.floor(Date.now() / dayMs) * dayMs;
const ago = (days: number) => midnight - days * dayMs;

let stage: Stage;
beforeEach(async () => {
  stage = await openStage();
});
afterEach(() => stage.close());

/** Runs the command in this process; gives its code and what it printed on the standard output, or what it threw. */
function run(...argv: string[]): Promise<{ code: number | undefined; text: string }> {
  return runHere(() => runStorage(argv), { DATABASE_URL: stage.url }).then(
    ({ code, output: text }) => ({ code, text }),
    ({ message: text }: Error) => ({ code: undefined, text }),
  );
}

async function fillSome(): Promise<number[]> {
  const seriesIds = [await stage.addPoint('a'), await stage.addPoint('b', 'brick:Status')];
  await stage.fill({ seriesIds, fromMs: ago(802), toMs: ago(800), everyMs: 3_600_000 });
  await stage.fill({ seriesIds, fromMs: ago(3), toMs: ago(-1), everyMs: 600_000 });
  for (const table of ['rollup_1m', 'rollup_15m', 'rollup_1h', 'rollup_1d'] as const)
    await stage.fillRollup(table, { seriesIds, fromMs: ago(20), toMs: ago(0), everyMs: dayMs });
  await stage.fillRollup('rollup_1d', { seriesIds, fromMs: ago(802), toMs: ago(800), everyMs: dayMs });
  return seriesIds;
}

async function contents(): Promise<unknown[]> {
  const database = openDatabase(stage.url, { connectionsMax: 1, log });
  const all: unknown[] = [];
  for (const table of timeTables) {
    const { rows } = await database.pool.query(`select * from ${table} order by 1, 2`);
    all.push(rows);
  }
  await database.close();
  return all;
}

test.each([
  [[]],
  [['show', 'more']],
  [['retention']],
  [['retention', '--dry-run', '--run']],
  [['move']],
  [['move', '--to', 'mysql']],
])('%j: the usage', async (argv) => {
  expect(await run(...argv)).toMatchObject({ code: 2, text: expect.stringContaining('usage: faultline storage') });
});

test('show tells the engine and the size of every table', async () => {
  await fillSome();
  const { code, text } = await run('show', '--json');
  expect(code).toBe(0);
  const shown = JSON.parse(text);
  expect(shown).toMatchObject({ engine: stage.engine.kind, moving_to: null });
  expect(shown.tables.map(({ table }: { table: string }) => table)).toEqual(timeTables);
  for (const table of shown.tables) expect(table.bytes).toBeGreaterThan(8_000);
  expect((await run('show')).text).toMatch(/^reading +\d+ .*20/m);
});

test('a dry run of retention tells what would go, a run does it, and then nothing would', async () => {
  await fillSome();
  const first = await run('retention', '--dry-run');
  expect(first.text).toMatch(/^raw +a +400d +1 +\d{4}-\d\d-\d\d/m);
  expect(first.text).toMatch(/^raw +b +brick:Status +400d/m);
  expect(JSON.parse((await run('retention', '--dry-run', '--json')).text).losses).toHaveLength(2);
  expect(await run('retention', '--run')).toMatchObject({
    code: 0,
    text: expect.stringMatching(/^[1-3] pieces dropped/),
  });
  expect((await run('retention', '--dry-run')).text).toContain('nothing would go');
});

test('a dry run tells what waits for something that was stored only now, and a run leaves it', async () => {
  await fillSome();
  const { db } = stage.database;
  const [oldest] = await listPieces(db, stage.engine.kind, 'reading');
  const { name = '' } = oldest ?? {};
  await recordMade(db, [{ name, madeMs: ago(1) + 3_600_000 }]);
  const until = new Date(ago(-400)).toISOString().slice(0, 10);
  const made = new Date(ago(1)).toISOString().slice(0, 10);
  const { text } = await run('retention', '--dry-run');
  expect(text).toContain('nothing would go');
  for (const site of ['a', 'b'])
    expect(text).toMatch(
      new RegExp(
        `^held back from 20\\d\\d-\\d\\d-\\d\\d on: raw at ${site}, until ${until}, .* on ${made}: about \\d+ rows$`,
        'm',
      ),
    );
  expect((await run('retention', '--run')).text).toMatch(/^0 pieces dropped, 0 rows deleted/);
});

test('a move is refused while a program is connected, and to the engine that it has changes nothing', async () => {
  await stage.database.pool.query('select 1');
  const other = isHypertable ? 'partitions' : 'hypertable';
  expect((await run('move', '--to', other)).text).toMatch(
    /connections are open on this database: .*stop every program/,
  );
  expect(await run('move', '--to', stage.engine.kind)).toMatchObject({ code: 0 });
  expect((await run('move', '--cancel')).text).toContain('no move has begun');
});

test.skipIf(isHypertable)(
  `a move to TimescaleDB where it is not on the server is refused, and nothing has changed${needsPartitions}`,
  async () => {
    await stage.database.close();
    expect((await run('move', '--to', 'hypertable')).text).toContain('TimescaleDB cannot be used in this database');
    const database = openDatabase(stage.url, { connectionsMax: 2, log });
    expect((await prepareStorage(database.pool, log)).kind).toBe('partitions');
    await database.close();
  },
);

describe.skipIf(!isHypertable)(`a move between the engines${needsTimescale}`, () => {
  test('takes every row of every table there and back, compressed ones too, and storing goes on', async () => {
    const [one = 0] = await fillSome();
    const given = {
      installation: { ...keepDefault, reading: 4_000 },
      keepers: { listHolds: async () => [], keepEvidence: async () => {} },
    };
    const upkeep = { retention: { kind: stage.engine.kind, ...given }, compressAfterMs: dayMs, log };
    const kept = await keepStorage(stage.database.db, upkeep, { signal: new AbortController().signal });
    expect(kept?.compressed).toBeGreaterThan(3);
    await stage.database.close();
    const before = await contents();
    for (const kind of ['partitions', 'hypertable'] as const) {
      expect(await run('move', '--to', kind)).toMatchObject({
        code: 0,
        text: expect.stringContaining(`stored in ${kind}`),
      });
      expect(await contents()).toEqual(before);
      const database = openDatabase(stage.url, { connectionsMax: 4, log });
      const engine = await prepareStorage(database.pool, log);
      expect(engine.kind).toBe(kind);
      const [oldest] = await listPieces(database.db, kind, 'reading');
      expect(oldest?.madeMs).toBeLessThan(ago(800));
      const at = ago(500) + (kind === 'partitions' ? 1 : 2);
      await engine.ensureSpan('reading', at, at);
      const insertion = 'insert into reading (series_id, time, value) values ($1, to_timestamp($2::float8 / 1000), 7)';
      await database.pool.query(insertion, [one, at]);
      await expect(database.pool.query(insertion, [one, at])).rejects.toMatchObject({ code: '23505' });
      await database.pool.query('delete from reading where series_id = $1 and value = 7', [one]);
      await database.close();
    }
  });

  test('that is broken off is gone on with, lets nobody write or start meanwhile, and can be given up', async () => {
    await fillSome();
    await stage.database.close();
    const before = await contents();
    const stopping = new AbortController();
    const database = openDatabase(stage.url, { connectionsMax: 4, log });
    const stopAfterThree = {
      log,
      signal: stopping.signal,
      onCopied: ({ done }: { done: number }) => done === 3 && stopping.abort(),
    };
    expect(
      await moveStorage(database, 'partitions', {
        ...stopAfterThree,
        onCopied: (at) => void stopAfterThree.onCopied(at),
      }),
    ).toMatchObject({
      isWhole: false,
    });
    await expect(prepareStorage(database.pool, log)).rejects.toThrow(/being moved to partitions.*move --cancel/);
    await expect(database.pool.query('delete from reading')).rejects.toMatchObject({ code: '55006' });
    await expect(database.pool.query('insert into rollup_1d select * from rollup_1d')).rejects.toMatchObject({
      code: '55006',
    });
    await database.close();
    expect((await run('move', '--to', 'hypertable')).text).toContain('a move to partitions has begun');
    expect((await run('move', '--cancel')).text).toContain('given up');
    expect(await contents()).toEqual(before);
    expect(await run('move', '--to', 'partitions')).toMatchObject({ code: 0 });
    expect(await contents()).toEqual(before);
  });
});
