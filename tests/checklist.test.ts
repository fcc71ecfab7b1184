/**
 * The lines of the four documents, by the numbers under which they are known: each has a test that bears its number at the
 * beginning of its name. The letters are the documents': RunTight, Tacit, RemoteOps, Runn.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { listFiles } from '../src/platform/list-files.ts';

const range = (letter: string, last: number) => Array.from({ length: last }, (_, index) => `${letter}${index + 1}`);

/** Customers, contracts, invoices, calls, inventory and webhooks (O5 to O8, O10, O11) are not built yet. */
const wanted = [...range('R', 23), ...range('T', 17), 'O1', 'O2', 'O3', 'O4', 'O9', 'O12', 'O13', ...range('N', 10)];

test('every line of the documents that is in scope has a test that bears its number', async () => {
  const folders = ['tests', 'src'].map((name) => join(import.meta.dirname, '..', name));
  const texts = await Promise.all(folders.map(textsOf));
  // `R3: …` or `R14 R15: …`, where a name of a test or of a row of its table begins.
  const named = texts.flat().flatMap((text) => [...text.matchAll(/['"`]((?:[RTON]\d+,? ?)+): /g)]);
  const borne = new Set(named.flatMap(([, numbers = '']) => numbers.split(/,? /)));
  expect(wanted.filter((number) => !borne.has(number))).toEqual([]);
});

async function textsOf(folder: string): Promise<string[]> {
  const files = await listFiles(folder);
  return files
    .filter(({ name }) => name.endsWith('.test.ts'))
    .map(({ name }) => readFileSync(join(folder, name), 'utf8'));
}
