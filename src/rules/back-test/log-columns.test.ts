import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createTimeReader } from '../language/local-time.ts';
import { decimalAt, openCsv } from './csv-cells.ts';
import { readLogColumns } from './log-columns.ts';
import { createCellTimeReader } from './log-times.ts';
import { type ColumnMap, parseColumnMap, readTrendLog } from './trend-log.ts';

/** The bytes are read as `readTrendLog` reads the text, which goes through a parser of strings. */
const cell = fc.constantFrom(
  ...[
    '1',
    '-2.50',
    '0.1',
    '.5',
    '7.',
    '',
    '',
    ' 3 ',
    'True',
    'FALSE',
    '1e3',
    'open',
    '#N/A',
    '"4"',
    '"a,b"',
    '"say ""5"""',
  ],
  ...['123456789012345678', '0.30000000000000004', '-0', '+1', '0x10', 'Infinity', '"1\r\n2"', 'é', ' '],
);
const hours = [0, 1, 2, 3, 9, 23];
const time = fc
  .record({
    day: fc.constantFrom('3/29/2026', '10/25/2026', '02/7/2026', '13/1/2026', '2/30/2026', '0/0/2026', '1/1/0026', ''),
    hour: fc.constantFrom(...hours, 24),
    minute: fc.constantFrom('00', '30', '59', '5', '61'),
  })
  .map(({ day, hour, minute }) => (day === '' ? 'never' : `${day} ${hour}:${minute}`));
const isoTime = fc
  .record({
    day: fc.constantFrom('2026-03-29', '2026-10-25', '2026-02-28', '2026-02-30', '2026-13-01', '0099-01-01'),
    hour: fc.constantFrom(...hours, 24),
    rest: fc.constantFrom(':30', ':30Z', ':00:15', ':00:15.25', ':00:15Z', ':00Z', ':00 Z', ':00+02:00', ':61', ''),
    between: fc.constantFrom('T', ' '),
  })
  .map(({ day, hour, rest, between }) => `${day}${between}${String(hour).padStart(2, '0')}${rest}`);

const epochTime = fc.constantFrom('', ' ', '0', '90.5', '1e3', '0x10', '1767600000');

const file = fc.record({
  rows: fc.array(fc.record({ time: fc.oneof(time, isoTime, epochTime), cells: fc.array(cell, { maxLength: 4 }) }), {
    maxLength: 12,
  }),
  end: fc.constantFrom('\n', '\r\n'),
  lastEnd: fc.boolean(),
  bom: fc.boolean(),
  format: fc.constantFrom('"M/d/yyyy H:mm"', 'iso', '"MM/d/yyyy H:m"', 'seconds'),
  layout: fc.constantFrom('wide', 'long', 'assets'),
});

describe('a trend log read over its bytes', () => {
  test('has the readings that the parser of strings finds, and the same counts of what it could not read', () => {
    fc.assert(
      fc.property(file, ({ rows, end, lastEnd, bom, format, layout }) => {
        const header = layout === 'long' ? 'time,point,value,more' : 'time,x,"y",unit';
        const lines = rows.map((row) => {
          const [first, ...rest] = row.cells;
          return [row.time, layout === 'long' && first !== undefined ? 'x' : first, ...rest]
            .filter((one) => one !== undefined)
            .join(',');
        });
        const text = `${bom ? '\uFEFF' : ''}${[header, ...lines].join(end)}${lastEnd ? end : ''}`;
        const map = mapOf(layout, format);
        expect(plain(readLogColumns(Buffer.from(text), map))).toEqual(wanted(text, map));
      }),
      { numRuns: 1000 },
    );
  });

  test('finds more than nothing in such files', () => {
    const text = 'time,x,y,unit\n1/1/2026 9:05,1,True,A\n1/1/2026 9:10,,"2",A\n';
    const { columns, assets } = readLogColumns(Buffer.from(text), mapOf('assets', '"M/d/yyyy H:mm"'));
    expect(assets.map(({ asset }) => asset.name)).toEqual(['A']);
    expect([...columns].map(([point, { values }]) => [point, [...values]])).toEqual([
      ['A/x', [1]],
      ['A/y', [1, 2]],
    ]);
  });

  test('of readings with one time the greatest comes last, and rows out of order are sorted', () => {
    const text = 'time,x,y\n20,5,\n10,7,\n20,4,\n';
    const { columns } = readLogColumns(Buffer.from(text), mapOf('wide', 'seconds'));
    expect([...(columns.get('asset/x')?.times ?? [])]).toEqual([10_000, 20_000, 20_000]);
    expect([...(columns.get('asset/x')?.values ?? [])]).toEqual([7, 4, 5]);
  });

  test('a file that is no regular CSV is left to the parser of strings, which says what is wrong with it', () => {
    const map = mapOf('wide', 'seconds');
    expect(() => readLogColumns(Buffer.from('time,x,y\n1,a"b,2\n'), map)).toThrow(/quote/i);
    expect(() => readLogColumns(Buffer.from('time,x\n'), map)).toThrow("no column 'y'");
    expect(() => readLogColumns(Buffer.from(''), map)).toThrow("no column 'time'");
  });
});

test('a plain decimal is the number that the language itself reads', () => {
  fc.assert(
    fc.property(fc.oneof(fc.double({ noNaN: true }), fc.integer(), fc.double({ min: -1000, max: 1000 })), (number) => {
      for (const text of [String(number), number.toFixed(2), number.toPrecision(15)]) {
        const read = decimalAt(Buffer.from(text), 0, text.length);
        if (!Number.isNaN(read)) expect(read).toBe(Number(text));
      }
    }),
    { numRuns: 500 },
  );
  expect(decimalAt(Buffer.from('-12.25'), 0, 6)).toBe(-12.25);
});

test.each(['America/Chicago', 'Australia/Lord_Howe', 'UTC', 'America/Sao_Paulo'])(
  'times in %s agree with the reader of strings, at the changes of the clock too',
  (zone) => {
    const different: string[] = [];
    for (const format of ['yyyy-MM-dd HH:mm:ss', 'iso']) {
      const [fast, slow] = [createCellTimeReader(format, zone), createTimeReader(format, zone)];
      let [fastMs, slowMs] = [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY];
      for (let minute = 0; minute < 366 * 48; minute++) {
        const text = new Date(Date.UTC(2018, 0, 1) + minute * 1_800_000).toISOString().slice(0, 19).replace('T', ' ');
        const bytes = Buffer.from(text);
        fastMs = fast(bytes, 0, bytes.length, fastMs, () => text);
        slowMs = slow(text, slowMs) ?? Number.NaN;
        if (fastMs !== slowMs) different.push(`${format} ${text}`);
      }
    }
    expect(different).toEqual([]);
  },
);

test('cells are found in rows of any length, and doubled quotes are undone', () => {
  const csv = openCsv(Buffer.from('a,b,c\r\n1,"x ""y"",\nz"\r\n\r\n,,3,4\n5'));
  expect(csv.header).toEqual(['a', 'b', 'c']);
  csv.want([1, 2]);
  const rows: string[][] = [];
  while (csv.next()) rows.push([csv.text(0), csv.text(1)]);
  expect(rows).toEqual([
    ['x "y",\nz', ''],
    ['', '3'],
    ['', ''],
  ]);
});

function mapOf(layout: string, format: string): ColumnMap {
  const { map, errors } = parseColumnMap(
    'map.yaml',
    `
${layout === 'long' ? 'layout: long' : ''}
time: { column: time, format: ${format}, zone: Europe/Berlin }
asset: { class: brick:AHU${layout === 'assets' ? ', column: unit' : ''} }
points:
  x: { class: brick:Sensor }
  y: { class: brick:Status, values: { open: 1, "a,b": 7 } }
`,
  );
  expect(errors).toEqual([]);
  return map as ColumnMap;
}

type Plain = { assets: unknown; zone: string; unreadable: unknown; readings: [string, number, number][] };

function plain({ columns, ...log }: ReturnType<typeof readLogColumns>): Plain {
  const readings = [...columns].flatMap(([point, { times, values }]) =>
    [...times].map((at, index): [string, number, number] => [point, at, values[index] as number]),
  );
  return { ...log, readings: readings.sort(inOrder) };
}

function wanted(text: string, map: ColumnMap): Plain {
  const { readings, ...log } = readTrendLog(text, map);
  return {
    ...log,
    readings: readings.map(({ point, at, value }): Plain['readings'][number] => [point, at, value]).sort(inOrder),
  };
}

function inOrder(one: Plain['readings'][number], other: Plain['readings'][number]): number {
  return one[0].localeCompare(other[0]) || one[1] - other[1] || one[2] - other[2];
}
