import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Plant, plants, toPlant } from '../../../tests/support/random-plant.ts';
import { buildRuleSet } from '../language/load-rules.ts';
import type { RulePoint } from './bind.ts';
import type { Effect } from './effect.ts';
import { createEvaluation } from './evaluation.ts';
import { type RuleReading, replay } from './replay.ts';

const start = Date.parse('2026-01-05T00:00:00Z');
const minuteMs = 60_000;
const { rules: noRules } = buildRuleSet([]);

/** Readings of a point, one a minute: `g` good, `u` uncertain, `b` bad, `n` no number, `.` none. */
function readings(point: string, text: string): RuleReading[] {
  return [...text].flatMap((sign, minute): RuleReading[] => {
    const at = start + minute * minuteMs;
    if (sign === '.') return [];
    const quality = sign === 'b' ? 2 : sign === 'u' ? 1 : 0;
    return [{ point, at, value: sign === 'n' ? Number.NaN : 1, quality }];
  });
}

type Point = { id: string; everyMinutes: number; sinceMinute?: number };

function play(points: Point[], given: Record<string, string>, minutes: number): string[] {
  const watched = points.map(
    ({ id, everyMinutes, sinceMinute = 0 }): RulePoint => ({
      id,
      class: null,
      of: null,
      unit: null,
      expectedIntervalMs: everyMinutes * minuteMs,
      expectedSinceMs: start + sinceMinute * minuteMs,
    }),
  );
  const effects = replay({
    ruleSet: noRules,
    assets: [{ asset: { id: 'pump', name: 'Pump', class: '', siteTimeZone: 'UTC' }, points: watched }],
    readings: Object.entries(given)
      .flatMap(([id, text]) => readings(id, text))
      .sort((one, other) => one.at - other.at),
    isWatching: true,
    fromMs: start,
    toMs: start + minutes * minuteMs,
  });
  return effects.map(tell);
}

function tell(effect: Effect): string {
  const named =
    'evidence' in effect ? ` ${effect.evidence.map(({ name }) => name.replace('point ', '')).join('+')}` : '';
  return `${(effect.at - start) / minuteMs} ${effect.kind}${named}`;
}

const p = { id: 'p', everyMinutes: 2 };

describe('a point that is expected to report', () => {
  test.each([
    ['is missed after three times its interval', 'g.........', ['7 opened p']],
    ['and no more when it reports again', 'g.........g..', ['7 opened p', '10 resolved']],
    ['is not missed while it reports', 'g.g.g.g.g.g.g', []],
    ['nor when it is a little late', 'g......g......g', []],
    ['is missed when it sends bad readings alone', 'gbbbbbbbbbb', ['7 opened p']],
    ['or uncertain ones, or no numbers', 'gununununun', ['7 opened p']],
    ['is missed three intervals after it came to be expected when it has never reported', '..........', ['7 opened p']],
    ['is missed again within the day', 'g.......g.......', ['7 opened p', '8 resolved', '15 reopened p']],
  ])('%s: %s', (_what, given, expected) => {
    expect(play([p], { p: given }, given.length)).toEqual(expected);
  });

  test('is not missed before it came to be expected', () => {
    expect(play([{ ...p, sinceMinute: 20 }], { p: 'g' }, 30)).toEqual(['27 opened p']);
  });

  test('shares one insight with the others of its asset, which names them all', () => {
    const points = [p, { id: 'q', everyMinutes: 3 }];
    expect(play(points, { p: `g${'.'.repeat(11)}g`, q: `g${'.'.repeat(15)}g` }, 20)).toEqual([
      '7 opened p',
      '10 evidence-changed p+q',
      '12 evidence-changed q',
      '16 resolved',
      '19 reopened p',
    ]);
  });

  test('is told of in words, with when it fell silent', () => {
    const points = Array.from({ length: 60 }, (_, i) => ({
      id: `p${String(i).padStart(2, '0')}`,
      class: null,
      of: null,
      unit: null,
      expectedIntervalMs: minuteMs,
      expectedSinceMs: start,
    }));
    const asset = { id: 'pump', name: 'Pump', class: '', siteTimeZone: 'UTC' };
    const span = { fromMs: start, toMs: start + 5 * minuteMs };
    const [opened] = replay({ ruleSet: noRules, assets: [{ asset, points }], readings: [], isWatching: true, ...span });
    expect(opened).toMatchObject({
      ruleId: 'data-missing',
      startedAt: start + minuteMs,
      message: 'Points have stopped reporting: p00, p01, p02, p03, p04 and 46 more',
      isShadow: false,
    });
    const evidence = opened && 'evidence' in opened ? opened.evidence : [];
    expect([evidence.length, evidence[0], evidence.at(-1)]).toEqual([
      51,
      { name: 'point p00', value: 'no good reading for more than 3 x 60 s', unit: null },
      { name: 'point …', value: 'and 10 more', unit: null },
    ]);
  });

  test('is not missed where only rules are asked about', () => {
    const point = { id: 'p', class: null, of: null, unit: null, expectedIntervalMs: 1_000, expectedSinceMs: 0 };
    const asset = { id: 'pump', name: 'Pump', class: '', siteTimeZone: 'UTC' };
    const evaluation = createEvaluation({ ruleSet: noRules, assets: [{ asset, points: [point] }] });
    expect([evaluation.everyMs, evaluation.warmupMs]).toEqual([Number.POSITIVE_INFINITY, 0]);
  });
});

/** The definition, read plainly: no good reading within three intervals, nor since it came to be expected. */
function overdueAt(plant: Plant, assetId: string, tMs: number): string[] {
  const points = plant.assets.find(({ asset }) => asset.id === assetId)?.points ?? [];
  return points.flatMap(({ id, expectedIntervalMs, expectedSinceMs }) => {
    if (expectedIntervalMs === undefined || expectedSinceMs === undefined) return [];
    const fromMs = tMs - 3 * expectedIntervalMs;
    const isHeard = plant.readings.some(
      ({ point, at, value, quality }) =>
        point === id && at >= fromMs && at <= tMs && quality === 0 && Number.isFinite(value),
    );
    return isHeard || expectedSinceMs >= fromMs ? [] : [`point ${id}`];
  });
}

test('at every tick the insight fires for the points that the definition names', () => {
  let named = 0;
  fc.assert(
    fc.property(plants, (random) => {
      const plant = toPlant(random);
      const stepMs = (2 * minuteMs) / plant.ruleSet.timeScale;
      replay(plant, { kind: 'whole' }, (evaluation, tMs) => {
        if (tMs % stepMs !== 0) return;
        for (const { asset } of plant.assets) {
          const machine = evaluation.findMachine('data-missing', asset.id);
          // One that flaps takes an hour to end, and is about nothing meanwhile.
          const concerned = machine?.state === 'firing' ? Object.keys(machine.insight?.concerned ?? {}) : [];
          const points = concerned.filter((what) => what.startsWith('point '));
          named += points.length;
          expect(points).toEqual(overdueAt(plant, asset.id, tMs));
        }
      });
    }),
    { numRuns: 100 },
  );
  expect(named).toBeGreaterThan(500);
});
