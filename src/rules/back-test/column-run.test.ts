import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { PointColumn } from '../../telemetry/point-column.ts';
import type { Effect } from '../kernel/effect.ts';
import { createEvaluation, type Evaluation } from '../kernel/evaluation.ts';
import {
  derivedText,
  longWindows,
  minuteMs,
  type Plant,
  plainShape,
  plant,
  prepare,
  ruleText,
  startMs,
} from '../kernel/random-plant.ts';
import { createRandom, type Replay, type RuleReading, replay } from '../kernel/replay.ts';
import { buildRuleSet } from '../language/load-rules.ts';
import { backTestColumns } from './back-test.ts';
import { openColumnRun } from './column-run.ts';

/**
 * A replay over columns has the effects of the replay tick by tick, in their order and to the last digit, however the columns are
 * cut into slices.
 */
describe('a replay over columns', () => {
  test('has the effects of the replay tick by tick, whole and in slices', () => {
    fc.assert(
      fc.property(plant, (given) => {
        const { input, columns } = prepare(given);
        const wanted = replay(input);
        expect(backTestColumns({ ...input, columns })).toEqual(wanted);
        expect(inSlices(input, columns, createRandom(given.seed))).toEqual(wanted);
      }),
      { numRuns: 500 },
    );
  });

  test('judges in one loop what rows read one by one see', () => {
    fc.assert(
      fc.property(plant, (given) => {
        const { input } = prepare(given);
        const [looped, read] = [createEvaluation(input), createEvaluation(input)];
        let next = 0;
        for (let tMs = input.fromMs; tMs <= input.toMs; tMs += looped.everyMs) {
          for (; next < input.readings.length && (input.readings[next] as RuleReading).at <= tMs; next++) {
            const { point, at, value, quality } = input.readings[next] as RuleReading;
            for (const one of [looped, read])
              for (const index of one.pointIndexes(point)) one.observe(index, at, value, quality);
          }
          // Only warmed, an evaluation reads its rows in the general way.
          read.warm(tMs);
          looped.tick(tMs);
          expect(seenOf(looped, tMs)).toEqual(seenOf(read, tMs));
        }
      }),
      { numRuns: 60 },
    );
  });

  test.each([
    ['x - limit >= 14', { limit: 2 }, 'opens at the very tick at which the override ends'],
    ['mode == 2.0', { warm: 16 }, 'shares no derived value with a rule that has another parameter'],
  ])('%s under %o for one rule and ten minutes %s', (when, params, _) => {
    const shape = { ...plainShape, when };
    const override = { rule: 'root', asset: 'a', params, enabled: null, since: -1, length: 11 };
    const readings = Array.from({ length: 122 }, (_one, i) => ({
      ...(i % 2 === 0 ? { point: 'a.x', value: 15.5 } : { point: 'a.f', value: 1 }),
      ...{ minute: i >> 1, part: 0, quality: 0 },
    }));
    const { input, columns } = prepare({
      root: shape,
      symptom: shape,
      overrides: [override],
      readings,
      expectations: [],
      seed: 0,
    } as Plant);
    const effects = backTestColumns({ ...input, columns });
    expect(effects).toEqual(replay(input));
    const opened = effects.flatMap((effect) => (effect.kind === 'opened' ? [[effect.ruleId, effect.at]] : []));
    expect(opened).toEqual([
      ['symptom', startMs],
      ['root', startMs + 10 * minuteMs],
    ]);
    const forever = {
      ...input,
      overrides: input.overrides.map((one) => ({ ...one, sinceMs: Number.NEGATIVE_INFINITY, untilMs: null })),
    };
    expect(backTestColumns({ ...forever, columns })).toEqual(replay(forever));
    expect(replay(forever).some(({ ruleId }) => ruleId === 'root')).toBe(false);
  });

  test('has the effects of live ticks after a run-up from history', () => {
    fc.assert(
      fc.property(plant, fc.integer({ min: 1, max: 30 }), (given, minute) => {
        const { input, columns } = prepare(given);
        const fromMs = startMs + minute * minuteMs + 1;
        expect(backTestColumns({ ...input, columns, warmFromMs: startMs, fromMs })).toEqual(liveFrom(input, fromMs));
      }),
      { numRuns: 200 },
    );
  });

  test('sees a plant that opens, resolves, suppresses, lacks data and is switched off', () => {
    const seen = new Set<string>();
    for (const given of fc.sample(plant, { numRuns: 250, seed: 3 })) {
      const { input, columns } = prepare(given);
      for (const effect of backTestColumns({ ...input, columns })) {
        seen.add(effect.kind);
        if (effect.kind === 'flagged' && effect.suppressedBy !== null) seen.add('suppressed');
        if (effect.kind === 'resolved') seen.add(effect.because);
        if (effect.ruleId === 'data-missing') seen.add('built in');
        if ('message' in effect && effect.message.includes('stopped reporting')) seen.add('silent');
        if ('message' in effect && effect.message.includes('lack data')) seen.add('unjudged');
      }
    }
    const wanted = 'pending opened reopened resolved flagged suppressed work-order-due rule_disabled built in'.split(
      ' ',
    );
    expect(wanted.filter((kind) => kind !== 'built' && kind !== 'in' && !seen.has(kind))).toEqual([]);
    expect([...seen]).toEqual(expect.arrayContaining(['built in', 'silent', 'unjudged']));
  });

  test('reads long windows in the same blocks', () => {
    const text = ruleText('root', { ...plainShape, when: longWindows }, '');
    const given = { ...(fc.sample(plant, { numRuns: 1, seed: 1 })[0] as Plant), overrides: [], readings: [] };
    const { rules: ruleSet } = buildRuleSet([
      { file: 'root.yaml', text },
      { file: 'mode.yaml', text: derivedText('working_mode', 'f ? 1.0 : 0.0') },
      { file: 'smooth.yaml', text: derivedText('smooth', "avg(x, '3m')") },
    ]);
    const random = createRandom(7);
    const times = Float64Array.from({ length: 700 }, (_, minute) => startMs + minute * minuteMs);
    const values = times.map(() => (random() < 0.1 ? Number.NaN : 14 + Math.round(random() * 300) / 100));
    const readings = [...times].map((at, i) => ({ point: 'a.x', at, value: values[i] as number, quality: 0 as const }));
    const input = { ...prepare(given).input, ruleSet, readings, toMs: startMs + 700 * minuteMs };
    const columns = new Map([['a.x', { times, values }]]);
    const wanted = replay(input);
    expect(wanted.filter(({ kind }) => kind === 'opened' || kind === 'reopened').length).toBeGreaterThan(3);
    expect(backTestColumns({ ...input, columns })).toEqual(wanted);
    expect(replay(input, { kind: 'cut', random })).toEqual(wanted);
  });

  test('tells of a rule that throws on an asset, and of its return', () => {
    const { input, columns } = prepare(fc.sample(plant, { numRuns: 1, seed: 1 })[0] as Plant);
    const rules = input.ruleSet.rules.map((rule) => ({
      ...rule,
      when: (values: Float64Array) => {
        if ((values[0] as number) > 15) throw new Error('too much');
        return 0 as const;
      },
    }));
    const broken = { ...input, ruleSet: { ...input.ruleSet, rules } };
    const wanted = replay(broken);
    expect(wanted.map(({ kind }) => kind)).toContain('rule-error');
    expect(backTestColumns({ ...broken, columns })).toEqual(wanted);
  });

  test('has no effects without rules, and none without readings', () => {
    const { input } = prepare(fc.sample(plant, { numRuns: 1, seed: 1 })[0] as Plant);
    const nothing = { ...input, columns: new Map() };
    expect(backTestColumns({ ...nothing, ruleSet: { ...input.ruleSet, rules: [] } })).toEqual([]);
    expect(backTestColumns(nothing)).toEqual([]);
  });
});

/** What every rule remembers of its inputs: when hold-offs began, the rings of windows, and the condition. */
function seenOf({ groups }: Evaluation, tMs: number) {
  return groups
    .filter(({ rule }) => tMs % rule.timing.everyMs === 0)
    .map((group) => ({
      held: [...(group.holds?.changedAt ?? [])],
      rings: group.assets.map((_, row) => group.windowMemory(row)),
      conditions: group.assets.map((_, row) => {
        group.read(row, tMs);
        return group.rule.when(group.scratch.values, group.scratch.params, group.scratch.windows);
      }),
    }));
}

/** Columns cut at random instants, the cuts between ticks too. */
function inSlices(input: Replay, columns: Map<string, PointColumn>, random: () => number): Effect[] {
  const run = openColumnRun(input, { warmFromMs: input.fromMs, fromMs: input.fromMs });
  const effects: Effect[] = [];
  for (let afterMs = Number.NEGATIVE_INFINITY; afterMs < input.toMs; ) {
    const from = Math.max(afterMs, input.fromMs);
    const throughMs = Math.min(input.toMs, from + Math.ceil(random() * 20 * minuteMs));
    const slice = new Map(
      [...columns].map(([point, { times, values }]) => {
        const isInside = (_: number, index: number) =>
          (times[index] as number) > afterMs && (times[index] as number) <= throughMs;
        return [point, { times: times.filter(isInside), values: values.filter(isInside) }];
      }),
    );
    effects.push(...run.advance(slice, throughMs));
    afterMs = throughMs;
  }
  return effects;
}

function liveFrom(input: Replay, fromMs: number): Effect[] {
  const evaluation = createEvaluation(input);
  const effects: Effect[] = [];
  let next = 0;
  for (let tMs = input.fromMs; tMs <= input.toMs; tMs += evaluation.everyMs) {
    for (; next < input.readings.length && (input.readings[next] as RuleReading).at <= tMs; next++) {
      const { point, at, value, quality } = input.readings[next] as RuleReading;
      for (const index of evaluation.pointIndexes(point)) evaluation.observe(index, at, value, quality);
    }
    if (tMs < fromMs) evaluation.warm(tMs);
    else effects.push(...evaluation.tick(tMs));
  }
  return effects;
}
