import { expect, test } from 'vitest';
import { type OptionTable, readChoice, readDurationSeconds, readNumber, readOptions } from './arguments.ts';
import { parseFaultLine, parseFaultOption } from './fault-command.ts';

const table: OptionTable = {
  url: { type: 'string' },
  fault: { type: 'string', multiple: true },
  help: { type: 'boolean', short: 'h' },
};

test('options come in any of their forms, repeatable ones as a list', () => {
  const given = readOptions(['--url', 'x', '--fault=a', '--fault', 'b', '-h', 'file'], table, 1);
  expect([given.find('url'), given.list('fault'), given.has('help'), given.positionals]).toEqual([
    'x',
    ['a', 'b'],
    true,
    ['file'],
  ]);
});

test.each([
  [['--urll', 'x'], 'unknown option --urll; there are --url, --fault, --help'],
  [['-x'], 'unknown option -x; there are --url, --fault, --help'],
  [['--url'], '--url needs a value'],
  [['--url', '--fault', 'x'], '--url needs a value'],
  [['--url', 'a', '--url', 'b'], '--url is given twice'],
  [['--help=yes'], '--help takes no value'],
  [['a', 'b'], 'unexpected argument "b"'],
])('%j is refused: %s', (args, message) => {
  expect(() => readOptions(args, table, 1)).toThrow(message);
});

test.each([
  [() => readNumber('seed', '1.5', { from: 0, to: 9, whole: true }), '--seed is a whole number from 0 to 9, not "1.5"'],
  [() => readNumber('seed', '', { from: 0, to: 9 }), '--seed is a number from 0 to 9, not ""'],
  [() => readDurationSeconds('every', '1'), '--every is a duration such as 30s, 1m or 2h, not "1"'],
  [() => readDurationSeconds('every', '0m'), '--every is a duration such as 30s, 1m or 2h, not "0m"'],
  [() => readChoice('season', 'autumn', ['summer', 'winter']), '--season is one of summer, winter, not "autumn"'],
])('a bad value says what would be right %#', (read, message) => {
  expect(read).toThrow(message);
});

test('durations are seconds, minutes and hours', () => {
  expect(['30s', '1m', '2h'].map((text) => readDurationSeconds('every', text))).toEqual([30, 60, 7200]);
});

test.each([
  ['bearing-wear', { fault: 'bearing-wear', options: {}, afterSeconds: 0 }],
  ['cooling-valve-stuck:0.8@20', { fault: 'cooling-valve-stuck', options: { intensity: 0.8 }, afterSeconds: 20 }],
  ['damper-stuck@5-60', { fault: 'damper-stuck', options: {}, afterSeconds: 5, untilSeconds: 60 }],
  ['ahu-2/sensor-drift=sat@5', { fault: 'sensor-drift', options: { asset: 'ahu-2', point: 'sat' }, afterSeconds: 5 }],
])('--fault %s', (text, expected) => {
  expect(parseFaultOption(text)).toEqual(expected);
});

test.each([
  ['valve-stuck', /no fault "valve-stuck"; there are damper-stuck,/],
  ['damper-stuck:7', /the intensity is a number from 0 to 1, not "7"/],
  ['damper-stuck@soon', /after @ stand seconds from the start/],
  ['damper-stuck@60-5', /after @ stand seconds from the start/],
])('--fault %s is refused', (text, message) => {
  expect(() => parseFaultOption(text)).toThrow(message);
});

test('a line switches a fault on or off', () => {
  expect(parseFaultLine('fault filter-fouled on 0.5')).toEqual({
    fault: 'filter-fouled',
    options: { intensity: 0.5 },
    on: true,
  });
  expect(parseFaultLine(' fault  filter-fouled off ')).toEqual({ fault: 'filter-fouled', options: {}, on: false });
  for (const line of [
    'fault filter-fouled',
    'filter-fouled on',
    'fault filter-fouled off 1',
    'fault filter-fouled on 1 2',
  ]) {
    expect(() => parseFaultLine(line)).toThrow(/write: fault NAME on/);
  }
});
