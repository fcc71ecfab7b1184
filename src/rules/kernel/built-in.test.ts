import { describe, expect, test } from 'vitest';
import { buildRuleSet } from '../language/load-rules.ts';
import type { Rule, RuleSet } from '../language/rule.ts';
import type { Effect } from './effect.ts';
import { createEvaluation, type StoredMachine } from './evaluation.ts';
import { createRandom, type RuleReading, replay } from './replay.ts';

const start = Date.parse('2026-01-05T00:00:00Z');
const minuteMs = 60_000;

/** Rules on one point each, named after it; unknown for half an hour is missing. */
function rulesOf(points: string[], more = ''): RuleSet {
  const texts = points.map((point) => ({
    file: `rule-${point}.yaml`,
    text: [
      `rule: rule-${point}`,
      'version: 1',
      `title: ${point}`,
      'applies_to: { class: brick:AHU }',
      `inputs: { x: { class: brick:Sensor, of: ${classOf[point]}, stale_after: 5m } }`,
      'when: x > 10',
      'no_data_after: 30m',
      'severity: critical',
      'category: fault',
      'work_order: { after: 0m, priority: high }',
      more,
    ].join('\n'),
  }));
  const { rules, errors } = buildRuleSet(texts);
  expect(errors).toEqual([]);
  return rules;
}

const classOf: Record<string, string> = { a: 'brick:Fan', b: 'brick:Valve' };

function ahu(zone = 'UTC') {
  const points = Object.entries(classOf).map(([id, of]) => ({ id, class: 'brick:Sensor', of, unit: null }));
  return { asset: { id: 'ahu', name: 'AHU', class: 'brick:AHU', siteTimeZone: zone }, points };
}

/** A value at each minute of a text: `9` is 90, `.` none. */
function readings(point: string, text: string): RuleReading[] {
  return [...text].flatMap((digit, minute) =>
    digit === '.' ? [] : [{ point, at: start + minute * minuteMs, value: 10 * Number(digit), quality: 0 as const }],
  );
}

function play(input: { rules: RuleSet; minutes: number; given: RuleReading[] }): Effect[] {
  const { rules: ruleSet, minutes, given } = input;
  const toMs = start + minutes * minuteMs;
  const sorted = given.sort((one, other) => one.at - other.at);
  return replay({ ruleSet, assets: [ahu()], readings: sorted, fromMs: start, toMs });
}

/** The effects of one rule as `minute kind`, with what its evidence names. */
function tell(effects: Effect[], ruleId: string): string[] {
  return effects
    .filter((effect) => effect.ruleId === ruleId)
    .map((effect) => {
      const named = 'evidence' in effect ? ` ${effect.evidence.map(({ name }) => name).join('+')}` : '';
      return `${(effect.at - start) / minuteMs} ${effect.kind}${named}`;
    });
}

describe('data-missing', () => {
  const gap = '.'.repeat(60);
  test.each([
    [
      'opens when a fault has not been judged for long, and ends with the data',
      `9${gap}90`,
      '',
      ['36 opened rule-a', '61 resolved'],
    ],
    ['ends also with the fault', `9${gap}0`, '', ['36 opened rule-a', '61 resolved']],
    [
      'names every rule that lacks data',
      `9${gap}90`,
      `${'9'.repeat(10)}${gap}${gap}`,
      ['36 opened rule-a', '45 evidence-changed rule-a+rule-b', '61 evidence-changed rule-b'],
    ],
    ['opens again within the day', `9${gap}9${gap}`, '', ['36 opened rule-a', '61 resolved', '97 reopened rule-a']],
    ['is none without a fault', `0${gap}${gap}`, '', []],
  ])('%s', (_what, a, b, expected) => {
    const given = [...readings('a', a), ...readings('b', b)];
    expect(tell(play({ rules: rulesOf(['a', 'b']), minutes: 110, given }), 'data-missing')).toEqual(expected);
  });

  test('says since when, in words, and asks for no work order', () => {
    const effects = play({ rules: rulesOf(['a']), minutes: 40, given: readings('a', '9') });
    expect(effects.filter(({ kind }) => kind === 'work-order-due').map(({ ruleId }) => ruleId)).toEqual(['rule-a']);
    expect(effects.find(({ ruleId }) => ruleId === 'data-missing')).toMatchObject({
      startedAt: start + 6 * minuteMs,
      message: 'Open faults of 1 rule lack data: rule-a: not judged since 2026-01-05T00:06:00.000Z',
      evidence: [{ name: 'rule-a', value: 'not judged since 2026-01-05T00:06:00.000Z', unit: null }],
      isShadow: false,
    });
  });

  test('of rules on trial alone is on trial itself', () => {
    const effects = play({ rules: rulesOf(['a'], 'enabled: shadow'), minutes: 40, given: readings('a', '9') });
    expect(effects.find(({ ruleId }) => ruleId === 'data-missing')).toMatchObject({ isShadow: true });
  });

  test('ends with the rule that is switched off', () => {
    const rules = rulesOf(['a']);
    const off = { enabled: false, sinceMs: start + 50 * minuteMs, untilMs: null, reason: 'r', author: 'a' } as const;
    const everywhere = { id: 'o', rule: 'rule-a', site: null, asset: null, tag: null, params: {}, severity: null };
    const given = readings('a', '9');
    const effects = play({ rules: { ...rules, overrides: [{ ...everywhere, ...off }] }, minutes: 60, given });
    expect(tell(effects, 'data-missing')).toEqual(['36 opened rule-a', '50 resolved']);
    expect(tell(effects, 'rule-a').at(-1)).toBe('50 resolved');
  });

  test('comes out the same however the run is cut, restarted and shuffled', () => {
    const ruleSet = rulesOf(['a', 'b']);
    let opened = 0;
    for (let seed = 1; seed <= 40; seed++) {
      const random = createRandom(seed);
      const text = () =>
        Array.from({ length: 12 }, () => ['9', '9....', '.'.repeat(45), '0'][Math.floor(random() * 4)]).join('');
      const given = [...readings('a', text()), ...readings('b', text())].sort((one, other) => one.at - other.at);
      const input = { ruleSet, assets: [ahu()], readings: given, fromMs: start, toMs: start + 400 * minuteMs };
      const whole = replay(input);
      opened += tell(whole, 'data-missing').filter((told) => told.includes('opened')).length;
      expect(replay(input, { kind: 'cut', random })).toEqual(whole);
      expect(replay(input, { kind: 'shuffled', random })).toEqual(whole);
    }
    expect(opened).toBeGreaterThan(20);
  });
});

test.each(['data-missing', 'rule-error'])('no file may state a rule %s', (id) => {
  const text = `rule: ${id}\nversion: 1\ntitle: t\napplies_to: { class: brick:AHU }\ninputs: { x: { class: brick:Sensor } }\nwhen: x > 1\nseverity: info\ncategory: fault\n`;
  const { rules, errors } = buildRuleSet([{ file: 'a.yaml', text }]);
  expect([rules.rules, errors.map(({ code, line }) => `${line} ${code}`)]).toEqual([[], ['1 reserved_rule']]);
});

describe('rule-error', () => {
  // A time zone that does not exist makes every rule throw that asks for the local time.
  const active = 'active: { days: mon-sun, from: "00:00", to: "24:00" }';
  const mixed = (): RuleSet => {
    const [a, b] = [rulesOf(['a'], active), rulesOf(['b'])];
    return { ...a, rules: [...a.rules, ...b.rules] };
  };

  function open(zone: string, machines: StoredMachine[] = []) {
    const evaluation = createEvaluation({ ruleSet: mixed(), assets: [ahu(zone)], machines });
    for (const { point, at, value } of [...readings('a', '99999'), ...readings('b', '99999')])
      for (const index of evaluation.pointIndexes(point)) evaluation.observe(index, at, value, 0);
    return evaluation;
  }

  test('is opened once, names the rule, stops no other, outlives a restart, and ends when the rule can be evaluated', () => {
    const broken = open('Mars/Olympus_Mons');
    const effects = [...broken.tick(start), ...broken.tick(start + minuteMs)];
    expect(tell(effects, 'rule-error')).toEqual(['0 opened rule-a']);
    expect(tell(effects, 'rule-b')).toEqual(['0 opened x', '0 work-order-due']);
    const [opened] = effects.filter(({ ruleId, kind }) => ruleId === 'rule-error' && kind === 'opened');
    expect(opened).toMatchObject({
      message: expect.stringMatching(/^1 rule cannot run: rule-a: .*Mars\/Olympus_Mons/),
    });

    const stored = JSON.parse(JSON.stringify(broken.changedMachines()));
    const again = open('Mars/Olympus_Mons', stored);
    expect(tell(again.tick(start + 2 * minuteMs), 'rule-error')).toEqual([]);
    const mended = open('UTC', JSON.parse(JSON.stringify(again.machines())));
    const found = mended.tick(start + 3 * minuteMs);
    expect(tell(found, 'rule-error')).toEqual(['3 resolved']);
    expect(tell(found, 'rule-a')).toEqual(['3 opened x', '3 work-order-due', '3 rule-error-cleared']);
  });

  test.each(['', 'hold_off: { after_change_of: [x], for: 1m }'])(
    'stays open while the condition comes and goes, although the schedule counts only where it is true %s',
    (more) => {
      const ruleSet = rulesOf(['a'], `${active}\n${more}`);
      const evaluation = createEvaluation({ ruleSet, assets: [ahu('Mars/Olympus_Mons')] });
      const found = [9, 0, 9, 9, 0, 0, 9].flatMap((value, minute) => {
        for (const index of evaluation.pointIndexes('a'))
          evaluation.observe(index, start + minute * minuteMs, 10 * value, 0);
        return evaluation.tick(start + minute * minuteMs);
      });
      expect(tell(found, 'rule-error')).toEqual(['0 opened rule-a']);
      expect(tell(found, 'rule-a')).toEqual(['0 rule-error']);
    },
  );

  test('is not opened by what is paused', () => {
    const [rule] = rulesOf(['a']).rules;
    const when = () => {
      throw new Error('no such value');
    };
    const pause = {
      enabled: 'paused',
      sinceMs: start,
      untilMs: start + 2 * minuteMs,
      reason: 'r',
      author: 'a',
    } as const;
    const everywhere = { id: 'o', rule: '*', site: null, asset: null, tag: null, params: {}, severity: null };
    const ruleSet = {
      ...rulesOf(['a']),
      rules: [{ ...(rule as Rule), when }],
      overrides: [{ ...everywhere, ...pause }],
    };
    const evaluation = createEvaluation({ ruleSet, assets: [ahu()] });
    const found = [0, 1, 2].flatMap((minute) => evaluation.tick(start + minute * minuteMs));
    expect(tell(found, 'rule-error')).toEqual(['2 opened rule-a']);
  });

  test('ends with the rule that is switched off', () => {
    const broken = open('Mars/Olympus_Mons');
    broken.tick(start);
    const { rules, ...rest } = mixed();
    const off = { ...rest, rules: rules.filter(({ id }) => id !== 'rule-a') };
    const without = createEvaluation({ ruleSet: off, assets: [ahu('Mars/Olympus_Mons')], machines: broken.machines() });
    expect(tell(without.tick(start + minuteMs), 'rule-error')).toEqual(['1 resolved']);
  });
});
