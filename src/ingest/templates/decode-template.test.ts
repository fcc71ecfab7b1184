import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compileTemplate, createTemplateSet } from './compile.ts';
import { decodeTemplate } from './decode-template.ts';
import type { Definition } from './template.ts';

const receivedMs = Date.parse('2026-03-02T10:00:00Z');
const arrived = { receivedMs, timeZone: 'America/Chicago' };
const noon = '2026-03-01T12:00:00Z';

const define = (given: Partial<Definition>): Definition => ({
  pattern: 'bms/{site}/+/{asset}/{point}',
  site: null,
  asset: null,
  point: null,
  format: 'json',
  pointers: {},
  ...given,
});

/** What a template reads, as lines `asset/point@time=value quality`, and the reasons of what it does not. */
function read(given: Partial<Definition>, topic: string, payload: string | Buffer): string[] {
  const compiled = compileTemplate('t', define(given));
  if ('problems' in compiled) return compiled.problems.map(({ pointer, message }) => `${pointer}: ${message}`);
  const match = createTemplateSet([compiled.template]).find(topic);
  if (!match) return ['no match'];
  const { assets, rejections } = decodeTemplate(match, Buffer.from(payload), arrived);
  const lines = [...assets].flatMap(([asset, samples]) =>
    samples.map(({ point, timeMs, value, quality }) => {
      const at = timeMs === receivedMs ? 'now' : new Date(timeMs).toISOString().replace('.000Z', 'Z');
      return `${asset}/${point}@${at}=${value}${quality === 'good' ? '' : ` ${quality}`}`;
    }),
  );
  return [...lines, ...rejections.map(({ reason, detail }) => `! ${reason} ${detail}`)];
}

const bms = 'bms/hq/3/ahu-1/sat';
const gateway: Partial<Definition> = {
  pattern: 'gw/{site}/up',
  pointers: { items: '/readings', asset: '/unit', point: '/sensor/name', value: '/v', time: '/t', quality: '/q' },
};

describe('a template', () => {
  test.each<[string, Partial<Definition>, string, string | Buffer, string[]]>([
    ['a bare number', { format: 'number' }, bms, '21.5', ['ahu-1/sat@now=21.5']],
    ['a bare boolean', { format: 'number' }, bms, 'true', ['ahu-1/sat@now=1']],
    ['a bare NaN', { format: 'number' }, bms, 'NaN', ['ahu-1/sat@now=null bad']],
    ['a text', { format: 'text' }, bms, ' ON\n', ['ahu-1/sat@now=ON']],
    ['gzip', { format: 'number' }, bms, gzipSync('7'), ['ahu-1/sat@now=7']],
    ['the whole payload', { pointers: { value: '' } }, bms, '21.5', ['ahu-1/sat@now=21.5']],
    [
      'value, time and quality',
      { pointers: { value: '/d/v', time: '/d/t', quality: '/q' } },
      bms,
      `{"d":{"v":1,"t":"${noon}"},"q":64}`,
      ['ahu-1/sat@2026-03-01T12:00:00Z=1 uncertain'],
    ],
    [
      "a local time in the site's zone",
      { pointers: { value: '/v', time: '/t' } },
      bms,
      '{"v":1,"t":"2026-03-01 06:00:00"}',
      ['ahu-1/sat@2026-03-01T12:00:00Z=1'],
    ],
    [
      'named values, those that are there',
      {
        pattern: 'tele/{asset}/SENSOR',
        site: 'hq',
        pointers: { values: { temp: '/AM2301/Temperature', rh: '/AM2301/Humidity', co2: '/SCD/CO2' }, time: '/Time' },
      },
      'tele/t1/SENSOR',
      `{"Time":"${noon}","AM2301":{"Temperature":20.6,"Humidity":51}}`,
      ['t1/temp@2026-03-01T12:00:00Z=20.6', 't1/rh@2026-03-01T12:00:00Z=51'],
    ],
    [
      'an object of values',
      { pattern: 'lora/+/up', site: 'hq', pointers: { asset: '/dev/name', values: '/object', time: '/at' } },
      'lora/7/up',
      `{"dev":{"name":"door 3"},"object":{"open":true,"battery":3.6},"at":"${noon}"}`,
      ['door 3/open@2026-03-01T12:00:00Z=1', 'door 3/battery@2026-03-01T12:00:00Z=3.6'],
    ],
    [
      'a batch, with what all of it has in common outside',
      gateway,
      'gw/hq/up',
      `{"unit":"ahu-1","t":"${noon}","readings":[{"sensor":{"name":"sat"},"v":1},{"sensor":{"name":"rat"},"v":2,"unit":"ahu-2","t":${Date.parse(noon) + 1_000},"q":"bad"}]}`,
      ['ahu-1/sat@2026-03-01T12:00:00Z=1', 'ahu-2/rat@2026-03-01T12:00:01Z=2 bad'],
    ],
    [
      'a batch that is the whole payload, and names that are numbers',
      { pattern: 'plc/{site}', asset: 'plc', pointers: { items: '', point: '/0', value: '/1' } },
      'plc/hq',
      '[[40001,7],[40002,8]]',
      ['plc/40001@now=7', 'plc/40002@now=8'],
    ],
    [
      'a fixed point',
      { pattern: 'm/{site}/{asset}', point: 'power', format: 'number' },
      'm/hq/m1',
      '5',
      ['m1/power@now=5'],
    ],
  ])('reads %s', (_name, given, topic, payload, expected) => {
    expect(read(given, topic, payload)).toEqual(expected);
  });

  test.each<[string, Partial<Definition>, string, string, RegExp]>([
    ['a text where a number is due', { format: 'number' }, bms, 'ON', /^! malformed the payload must be a number/],
    ['nothing where a text is due', { format: 'text' }, bms, '', /^! malformed the payload must be a text/],
    [
      'what is no JSON',
      { pointers: { value: '/v' } },
      bms,
      '21.5x',
      /malformed: the payload must be JSON|must be JSON/,
    ],
    ['no value', { pointers: { value: '/v' } }, bms, '{"w":1}', /there is no value at \/v/],
    [
      'none of the named values',
      { pointers: { values: { a: '/a', b: '/b' } }, pattern: 'x/{site}/{asset}' },
      'x/hq/a',
      '{}',
      /no value at \/a, \/b/,
    ],
    [
      'no object of values',
      { pointers: { values: '/o' }, pattern: 'x/{site}/{asset}' },
      'x/hq/a',
      '{"o":[1]}',
      /an object of values at \/o/,
    ],
    ['no array', gateway, 'gw/hq/up', '{"readings":{}}', /an array at \/readings/],
    [
      'no name of a point',
      gateway,
      'gw/hq/up',
      '{"unit":"a","readings":[{"v":1}]}',
      /no point is named at \/sensor\/name/,
    ],
    [
      'no name of an asset',
      gateway,
      'gw/hq/up',
      '{"readings":[{"sensor":{"name":"x"},"v":1}]}',
      /no asset is named at \/unit/,
    ],
    [
      'a value that is an object',
      { pointers: { value: '/v' } },
      bms,
      '{"v":{"deep":1}}',
      /! unusable_value ahu-1: sat/,
    ],
    ['a time that is none', { pointers: { value: '/v', time: '/t' } }, bms, '{"v":1,"t":"soon"}', /! time_unreadable/],
    ['a quality that is none', { pointers: { value: '/v', quality: '/q' } }, bms, '{"v":1,"q":"so-so"}', /! malformed/],
    ['too many', gateway, 'gw/hq/up', `{"readings":[${'1,'.repeat(10_000)}1]}`, /! too_many_readings/],
    [
      'too many of an object',
      { pointers: { values: '' }, pattern: 'x/{site}/{asset}' },
      'x/hq/a',
      `{${Array.from({ length: 10_001 }, (_, i) => `"${i}":1`).join()}}`,
      /! too_many_readings/,
    ],
  ])('refuses %s', (_name, given, topic, payload, expected) => {
    expect(read(given, topic, payload).join('\n')).toMatch(expected);
  });

  test('of a batch keeps what is right, and says once what is wrong with the rest', () => {
    const item = (v: unknown) => ({ unit: 'a', sensor: { name: 'p' }, v });
    const lines = read(gateway, 'gw/hq/up', JSON.stringify({ readings: [item(1), item({}), 7, item({}), item(2)] }));
    expect(lines.slice(0, 2)).toEqual(['a/p@now=1', 'a/p@now=2']);
    expect(lines.slice(2).map((line) => line.slice(0, 20))).toEqual(['! unusable_value a: ', '! malformed : no ass']);
    expect(lines[2]).toContain('(and 1 more)');
  });
});

describe('a template that cannot work', () => {
  test.each<[string, Partial<Definition>, string]>([
    [
      'no site',
      { pattern: 'x/{asset}/{point}', format: 'number' },
      '/pattern: nothing tells the site: give {site} in it or site',
    ],
    [
      'no asset',
      { pattern: 'x/{site}/{point}', format: 'number' },
      '/pattern: nothing tells the asset: give {asset} in it or asset',
    ],
    [
      'no point',
      { pattern: 'x/{site}/{asset}', pointers: { value: '/v' } },
      '/pattern: nothing tells the point: give {point} in it, point or pointers.point',
    ],
    ['two sites', { site: 'hq', format: 'number' }, '/site: the site is told by pattern already'],
    ['two points', { pointers: { value: '/v', point: '/p' } }, '/pointers/point: the point is told by pattern already'],
    [
      'a point and named values',
      { pointers: { values: { a: '/a' } } },
      '/pattern: the point is told by pointers/values already',
    ],
    [
      'value and values',
      { pattern: 'x/{site}/{asset}', pointers: { value: '/v', values: '/o' } },
      '/pointers/values: give either value or values, not both',
    ],
    [
      'no value',
      { pointers: { time: '/t' } },
      '/pointers: nothing tells the value: give value, such as "/value" ("" is the whole payload), or values',
    ],
    [
      'pointers into a number',
      { format: 'number', pointers: { value: '/v' } },
      '/pointers/value: a payload of the format number has nothing to point into; use the format json',
    ],
    [
      'a bad pointer',
      { pointers: { value: 'v' } },
      '/pointers/value: must be a JSON pointer, which begins with a slash: /v',
    ],
    [
      'a bad pointer among values',
      { pattern: 'x/{site}/{asset}', pointers: { values: { 'a/b': 'v.w' } } },
      '/pointers/values/a~1b: must be a JSON pointer, which begins with a slash: /v/w',
    ],
    [
      'no values',
      { pattern: 'x/{site}/{asset}', pointers: { values: {} } },
      '/pointers/values: must name at least one point, as in {"sat": "/temperature"}',
    ],
    [
      'a pattern of the built-in kind',
      { pattern: 'telemetry/{site}/{asset}/{point}', format: 'number' },
      '/pattern: must not match telemetry/{site}/{asset} or telemetry/{site}/{asset}/{point}, which are read without a template',
    ],
  ])('is refused with every mistake at its place: %s', (_name, given, expected) => {
    expect(read(given, bms, '')).toContain(expected);
  });
});

test('whatever the payload is, a template gives samples, rejections or both, and never throws', () => {
  const templates: Partial<Definition>[] = [
    { format: 'number' },
    { format: 'text' },
    { pointers: { value: '', time: '/__proto__/t', quality: '/constructor/name' } },
    { pattern: 'bms/{site}/#', pointers: { items: '/a', asset: '/0', point: '/toString', value: '/length' } },
    { pattern: 'bms/{site}/#', asset: 'a', pointers: { values: '/__proto__' } },
    { pattern: 'bms/{site}/#', asset: 'a', pointers: { items: '', values: { x: '/0', y: '/a' } } },
  ];
  const key = fc.constantFrom('a', '__proto__', 'constructor', 'length', '0', 'toString', 't');
  const tree = fc.letrec((tie) => ({
    node: fc.oneof(
      { maxDepth: 4 },
      fc.constantFrom(1, 'x', '21.5', true, null, 1e308, '2026-03-01T12:00:00Z', ''),
      fc.array(tie('node'), { maxLength: 4 }),
      fc.array(fc.tuple(key, tie('node')), { maxLength: 4 }).map((entries) => new Map(entries)),
    ),
  })).node;
  const write = (node: unknown): string => {
    if (node instanceof Map) return `{${[...node].map(([name, value]) => `"${name}":${write(value)}`).join()}}`;
    return Array.isArray(node) ? `[${node.map(write).join()}]` : JSON.stringify(node);
  };
  const payload = fc.oneof(
    tree.map(write),
    fc.uint8Array({ maxLength: 50 }).map((bytes) => Buffer.from(bytes)),
  );
  fc.assert(
    fc.property(fc.constantFrom(...templates), payload, (given, sent) => {
      expect(read(given, bms, sent).length).toBeGreaterThan(0);
    }),
    { numRuns: 3_000, examples: [[templates[4] ?? {}, '{"__proto__":{}}']] },
  );
});
