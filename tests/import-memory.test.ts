/** Files that are made to fill the memory of whoever imports them. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readColumns } from '../src/api/import-columns.ts';
import { type ImportBatch, readBatches } from '../src/ingest/imports/read-batches.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'faultline-attack-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function batchesOf(csv: string, map: object): Promise<ImportBatch[]> {
  const file = join(folder, 'log.csv');
  await writeFile(file, csv);
  const read = readColumns(JSON.stringify(map));
  if ('faults' in read) throw new Error(read.faults.join('\n'));
  const from = { bytes: 0, line: 1, lastTimes: {} };
  const options = { file, columns: read.columns, asset: null, zone: 'UTC', from, receivedMs: Date.now() };
  return Array.fromAsync(readBatches(options));
}

const sat = { class: 'brick:Supply_Air_Temperature_Sensor' };

test('cells that nobody can use make a batch as full as readings do', async () => {
  const names = Array.from({ length: 500 }, (_, i) => `p${i}`);
  const row = `2026-07-01T10:00,${names.map(() => 'x').join(',')}\n`;
  const points = Object.fromEntries(names.map((name) => [name, sat]));
  const map = { time: { column: 'time' }, asset: { name: 'AHU-01', class: 'brick:AHU' }, points };
  const batches = await batchesOf(`time,${names.join(',')}\n${row.repeat(100)}`, map);
  const refused = batches.map(({ errors }) => errors.length);
  expect(refused.reduce((sum, count) => sum + count, 0)).toBe(50_000);
  expect(Math.max(...refused)).toBeLessThanOrEqual(5_500);
});

test('assets by the hundred thousand, of which none has a point, are not all remembered', async () => {
  const map = {
    ...{ layout: 'long', time: { column: 'time' }, asset: { column: 'asset', class: 'brick:AHU' } },
    ...{ point: { column: 'point' }, value: { column: 'value' }, points: { sat } },
  };
  const read = readColumns(JSON.stringify(map));
  if ('faults' in read) throw new Error(read.faults.join('\n'));
  const file = join(folder, 'assets.csv');
  const rows = Array.from({ length: 250_000 }, (_, i) => `2026-07-01T10:00,a${i},strange,1`);
  await writeFile(file, `time,asset,point,value\n${rows.join('\n')}\n`);
  const opened: Map<string, number>[] = [];
  const columns = {
    ...read.columns,
    open: (given: Parameters<typeof read.columns.open>[0]) => {
      const reader = read.columns.open(given);
      opened.push(reader.lastTimes);
      return reader;
    },
  };
  const from = { bytes: 0, line: 1, lastTimes: {} };
  let most = 0;
  let count = 0;
  for await (const { rows } of readBatches({ file, columns, asset: null, zone: 'UTC', from, receivedMs: Date.now() })) {
    most = Math.max(most, opened[0]?.size ?? 0);
    count += rows;
  }
  expect(count).toBe(250_000);
  expect(most).toBeLessThanOrEqual(130_000);
});
