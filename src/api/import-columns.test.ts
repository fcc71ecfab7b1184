import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readBatches } from '../ingest/imports/read-batches.ts';
import { readColumns } from './import-columns.ts';

/** The times of a file that is imported, as its column map says how they are written. */

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'imports-'));
});
afterAll(() => rm(directory, { recursive: true }));

test('a time that is none is refused with its line and what would fit, and so is a row without one', async () => {
  expect(await read('d/M/yyyy H:mm', ['1/1/2025 5:00', '2/1/2025 5:00', '1/13/2025 5:00', '30/2/2025 5:00'])).toEqual({
    instants: ['2025-01-01T05:00:00.000Z', '2025-01-02T05:00:00.000Z'],
    errors: [
      "4: the time \"1/13/2025 5:00\" is not as the column map's time.format says; format: 'M/d/yyyy H:mm' fits it: are day and month the other way round, in all rows?",
      '5: the time "30/2/2025 5:00" is not as the column map\'s time.format says',
    ],
  });
  expect(await read('seconds', ['1735711200', '', '0x10'])).toEqual({
    instants: ['2025-01-01T06:00:00.000Z'],
    errors: ['3: the row has no time', '4: the time "0x10" is not as the column map\'s time.format says'],
  });
});

test('a file of which most times fit only with day and month the other way round gives nothing', async () => {
  const days = Array.from({ length: 31 }, (_, day) => `03/${String(day + 1).padStart(2, '0')}/2025`);
  await expect(read('dd/MM/yyyy', days)).rejects.toThrow(
    /format: 'MM\/dd\/yyyy' fits it.*; that is so of 19 of the first 31 rows/,
  );
});

test('a file whose columns something else separates is told what does', async () => {
  await expect(read('iso', ['2025-01-01'], ';')).rejects.toThrow("separated by ';', not by commas");
});

/** The instants of the readings, and what is refused by line. */
async function read(format: string, times: readonly string[], separator = ',') {
  const file = join(directory, 'log.csv');
  await writeFile(file, `time${separator}T\n${times.map((time) => `${time}${separator}68\n`).join('')}`);
  const map = { time: { column: 'time', format }, asset: { name: 'A', class: 'brick:AHU' } };
  const found = readColumns(
    JSON.stringify({ ...map, points: { T: { class: 'brick:Supply_Air_Temperature_Sensor' } } }),
  );
  if ('faults' in found) throw new Error(found.faults.join());
  const from = { bytes: 0, line: 1, lastTimes: {} };
  const options = { file, columns: found.columns, asset: null, zone: 'UTC', from, receivedMs: Date.UTC(2026, 0, 1) };
  const batches = await Array.fromAsync(readBatches(options));
  return {
    instants: batches.flatMap(({ readings }) => readings.map(({ timeMs }) => new Date(timeMs).toISOString())),
    errors: batches.flatMap(({ errors }) => errors.map(({ line, detail }) => `${line}: ${detail}`)),
  };
}
