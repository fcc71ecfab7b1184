import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type CsvRow, readCsvRows } from './csv-rows.ts';

async function read(
  bytes: Buffer,
  chunkBytes = bytes.length || 1,
  from?: { bytes: number; line: number },
): Promise<CsvRow[]> {
  const chunks = (async function* () {
    for (let at = from?.bytes ?? 0; at < bytes.length; at += chunkBytes) yield bytes.subarray(at, at + chunkBytes);
  })();
  return Array.fromAsync(readCsvRows(chunks, from ? { from } : {}));
}
const cells = async (text: string | Buffer, chunkBytes?: number) =>
  (await read(Buffer.from(text), chunkBytes)).map((row) => row.cells ?? row.fault);

describe('rows of a comma-separated file', () => {
  test.each([
    [
      'a,b\n1,2\n',
      [
        ['a', 'b'],
        ['1', '2'],
      ],
      'plain rows',
    ],
    [
      '\ufeffa,b\r\n1,2\r\n\r\n3,4',
      [
        ['a', 'b'],
        ['1', '2'],
        ['3', '4'],
      ],
      'a byte order mark, CRLF, a blank row, no last line end',
    ],
    ['a\n"x,1","y ""z""","l\nm"\n1\n', [['a'], ['x,1', 'y "z"', 'l\nm'], ['1']], 'quoted cells'],
    ['"a"\r\n"b",\r\n', [['a'], ['b', '']], 'quotes before CRLF'],
    [
      'a,5" pipe\n1,2\n',
      [
        ['a', '5" pipe'],
        ['1', '2'],
      ],
      'a quote inside a cell',
    ],
    [
      '"a"x,1\n2,3\n',
      [
        ['ax', '1'],
        ['2', '3'],
      ],
      'text after a quote',
    ],
    [
      'a,b\n1,"x\n2,3\n4,5\n',
      [['a', 'b'], 'a quote is not closed', ['2', '3'], ['4', '5']],
      'a quote that is not closed',
    ],
    [Buffer.from([0x54, 0xb0, 0x0a]), [['T°']], 'Latin-1'],
    ['', [], 'nothing'],
    ['\n\r\n \n', [], 'blank rows alone'],
  ] as [string | Buffer, unknown[], string][])('%j is %j: %s', async (text, expected, _) => {
    for (const chunkBytes of [undefined, 1, 2, 3, 7]) expect(await cells(text, chunkBytes)).toEqual(expected);
  });

  test('a line beyond all measure is one fault or more, and the rest is read', async () => {
    const found = await cells(`a\n${'x'.repeat(700_000)}\n1\n`, 65_536);
    expect(found[0]).toEqual(['a']);
    expect(found.slice(1, -2).every((fault) => String(fault).includes('longer'))).toBe(true);
    expect(found.at(-1)).toEqual(['1']);
    const quoted = await cells(`a\n1,"${'x\n'.repeat(300_000)}`, 65_536);
    expect(quoted.slice(0, 3)).toEqual([['a'], 'a quote is not closed', ['x']]);
  });

  test('what was written is read, in whatever pieces it comes, and goes on from the end of any row', async () => {
    const cell = fc.string({ unit: fc.constantFrom('a', '"', ',', '\n', '\r\n', 'é', ' ', '1'), maxLength: 6 });
    const rows = fc.array(fc.array(cell, { minLength: 1, maxLength: 4 }), { maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(rows, fc.integer({ min: 1, max: 9 }), async (given, chunkBytes) => {
        const text = given.map((row) => row.map((one) => `"${one.replaceAll('"', '""')}"`).join(',')).join('\n');
        const bytes = Buffer.from(text);
        const expected = given.filter((row) => row.length > 1 || row[0]?.trim() !== '');
        const found = await read(bytes, chunkBytes);
        expect(found.map((row) => row.cells)).toEqual(expected);
        for (const [index, { end, line }] of found.entries()) {
          const next = await read(bytes, chunkBytes, end);
          expect(next.map((row) => row.cells)).toEqual(expected.slice(index + 1));
          const before = bytes.subarray(0, end.bytes).toString().split('\n').length;
          if (end.bytes < bytes.length) expect(end.line).toBe(before);
          expect(line).toBeLessThanOrEqual(end.line);
        }
      }),
      { numRuns: 300 },
    );
  });
});
