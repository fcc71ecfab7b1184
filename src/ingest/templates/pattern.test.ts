import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compareSpecificity, matchPattern, type Pattern, parsePattern, shapeOf } from './pattern.ts';

const patternOf = (text: string): Pattern => {
  const parsed = parsePattern(text);
  if ('problem' in parsed) throw new Error(parsed.problem);
  return parsed.pattern;
};
const match = (pattern: string, topic: string) => matchPattern(patternOf(pattern), topic.split('/'));

describe('a pattern', () => {
  test.each([
    ['bms/{site}/+/{asset}/{point}', 'bms/hq/3/ahu-1/sat', { site: 'hq', asset: 'ahu-1', point: 'sat' }],
    ['bms/{site}/+/{asset}/{point}', 'bms/hq/3/ahu-1', undefined],
    ['bms/{site}/+/{asset}/{point}', 'bms/hq/3/ahu-1/sat/x', undefined],
    ['bms/{site}/+/{asset}/{point}', 'BMS/hq/3/ahu-1/sat', undefined],
    ['tele/{asset}/SENSOR', 'tele/tasmota_1/SENSOR', { asset: 'tasmota_1' }],
    ['/a/{point}', '/a/b', { point: 'b' }],
    ['a/{point}', '/a/b', undefined],
    ['a//{point}', 'a//b', { point: 'b' }],
    ['{site}/#', 'hq', { site: 'hq' }],
    ['{site}/#', 'hq/a/b/c', { site: 'hq' }],
    ['{site}/a/#', 'hq', undefined],
    ['#', 'anything/at/all', {}],
    ['#', '$SYS/x', undefined],
    ['+/x', '$SYS/x', undefined],
    ['{asset}/x', '$SYS/x', undefined],
    ['$aws/{asset}/x', '$aws/a/x', { asset: 'a' }],
    ['{asset}/{point}', '__proto__/constructor', { asset: '__proto__', point: 'constructor' }],
    [
      'telemetry/{site}/area/line/{asset}/{point}',
      'telemetry/hq/area/line/a/p',
      { site: 'hq', asset: 'a', point: 'p' },
    ],
    ['v1/{asset}/up', 'v1/a/up', { asset: 'a' }],
  ])('%s on %s says %j', (pattern, topic, expected) => {
    expect(match(pattern, topic)).toEqual(expected);
  });

  test.each([
    ['', /must have a level/],
    ['a/#/b', /# as its last level only/],
    ['a/b#', /as whole levels/],
    ['a/x+/b', /as whole levels/],
    ['a/ahu-{asset}', /as whole levels/],
    ['a/{asset}/{asset}', /\{asset\} twice/],
    ['a/{device}', /\{site\}, \{asset\} and \{point\}, not \{device\}/],
    ['a/{', /as whole levels/],
    ['a/b\u0000', /control character/],
    ['a/'.repeat(40), /at most 32 levels/],
    [`a/${'x'.repeat(129)}`, /128 characters/],
    ['telemetry/{site}/{asset}/{point}', /read without a template/],
    ['telemetry/{site}/{asset}', /read without a template/],
    ['telemetry/#', /read without a template/],
    ['telemetry/{site}/#', /read without a template/],
    ['spBv1.0/{site}/#', /Sparkplug B/],
    ['v1/devices/me/telemetry', /read without a template/],
    ['v1/+/me/telemetry', /read without a template/],
    ['v1/gateway/{point}', /v1\/gateway\/telemetry/],
    ['v1/#', /read without a template/],
    ['$SYS/{asset}/{point}', /belongs to brokers/],
  ])('%s is refused, and the reason says why', (text, expected) => {
    expect(parsePattern(text)).toMatchObject({ problem: expect.stringMatching(expected) });
  });
});

describe('of several patterns that match a topic', () => {
  const patterns = ['#', '+/#', 'a/#', 'a/+/+', 'a/b/#', 'a/+/c', 'a/b/+', 'a/b/c', '+/b/c', 'a/b', 'a/b/c/#'];
  const parsed = patterns.map(patternOf);

  test('the most specific is first, whatever the order was', () => {
    const sorted = (some: readonly Pattern[]) => some.toSorted(compareSpecificity).map(shapeOf);
    const expected = ['a/b/c', 'a/b/c/#', 'a/b/+', 'a/b', 'a/b/#', 'a/+/c', 'a/+/+', 'a/#', '+/b/c', '+/#', '#'];
    fc.assert(
      fc.property(fc.shuffledSubarray(parsed, { minLength: parsed.length }), (some) => {
        expect(sorted(some)).toEqual(expected);
      }),
    );
  });

  test('one that matches all that another matches, and more, comes after it', () => {
    const part = fc.constantFrom('a', 'b', '+', '#');
    const text = fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/'));
    const pattern = text.filter((one) => 'pattern' in parsePattern(one)).map(patternOf);
    const names = ['a', 'b', 'c'];
    let topics = names;
    for (let levels = 2; levels <= 5; levels++)
      topics = [...new Set([...topics, ...topics.flatMap((topic) => names.map((name) => `${topic}/${name}`))])];
    const matched = (one: Pattern) => new Set(topics.filter((topic) => matchPattern(one, topic.split('/'))));
    fc.assert(
      fc.property(pattern, pattern, (a, b) => {
        const [ofA, ofB] = [matched(a), matched(b)];
        if (ofA.size > 0 && ofA.size < ofB.size && ofA.isSubsetOf(ofB))
          expect(compareSpecificity(a, b)).toBeLessThan(0);
        if (shapeOf(a) === shapeOf(b)) expect(ofA).toEqual(ofB);
        else expect(compareSpecificity(a, b)).not.toBe(0);
      }),
      { numRuns: 2_000 },
    );
  });
});
