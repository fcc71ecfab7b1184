import { describe, expect, test } from 'vitest';
import { bind, type RuleAsset } from '../kernel/bind.ts';
import { buildRuleSet } from './load-rules.ts';
import { findOverrideProblems, type Override, variantsOf } from './override.ts';
import type { Rule } from './rule.ts';

const rules = buildRuleSet([
  {
    file: 'too-warm.yaml',
    text: ruleText('too-warm', 'limit: { default: 20, min: 10, max: 30 }, wait: { default: 1 }'),
  },
  { file: 'fitted.yaml', text: ruleText('fitted', 'baseline: { min: 0 }') },
  { file: 'sleeping.yaml', text: `${ruleText('sleeping', 'limit: { default: 1 }')}enabled: false\n` },
]).rules;
const rule = rules.rules.find(({ id }) => id === 'too-warm') as Rule;
const asset: RuleAsset = {
  id: '1',
  name: 'AHU-1',
  class: 'brick:AHU',
  siteTimeZone: 'UTC',
  site: { id: 's1', slug: 'plant' },
  tenantId: 't1',
  uri: 'plant/ahu-1',
  tags: ['lab'],
};
const points = [{ id: 'sat', class: 'brick:Supply_Air_Temperature_Sensor', of: null, unit: 'degC' }];

describe('the more specific override wins, key by key', () => {
  const everywhere = override({ params: { limit: 21, wait: 7 } });
  const site = override({ site: 'plant', params: { limit: 22 } });
  const tag = override({ tag: 'lab', params: { limit: 23 } });
  const one = override({ asset: 'AHU-1', params: { limit: 24 } });
  test.each([
    [[], 20, 'the default of the rule'],
    [[everywhere], 21, 'everywhere'],
    [[site, everywhere], 22, 'a site before everywhere, whatever their order'],
    [[tag, site], 23, 'a tag before a site'],
    [[one, tag, site], 24, 'an asset before a tag'],
    [[override({ params: { limit: 25 } }), everywhere], 21, 'the later one in a file'],
    [[override({ params: { limit: 25 }, sinceMs: 5 }), everywhere], 25, 'the one that began later'],
    [[override({ params: { limit: 25 }, tenantId: 't1' }), everywhere], 25, 'the database before a file'],
    [[everywhere, override({ rule: '*', params: { limit: 25 } })], 21, 'a rule by its name before every rule'],
    [[override({ asset: 'plant/ahu-1', params: { limit: 26 } })], 26, 'an asset by its uri'],
    [[override({ asset: '1', params: { limit: 26 } })], 26, 'an asset by its id'],
    [[override({ site: 's1', params: { limit: 26 } })], 26, 'a site by its id'],
    [[override({ site: 'elsewhere', params: { limit: 26 } })], 20, 'another site is not touched'],
    [[override({ tag: 'office', params: { limit: 26 } })], 20, 'another tag is not touched'],
    [[override({ rule: 'fitted', params: { limit: 26 } })], 20, 'another rule is not touched'],
    [[override({ tenantId: 't2', params: { limit: 26 } })], 20, "another tenant's override is not ours"],
  ])('%# gives %d: %s %s', (overrides, limit) => {
    const { variants } = variantsOf(rule, asset, overrides as Override[]);
    expect(variants.at(-1)?.params[0]).toBe(limit);
  });

  test('a key that the more specific one does not state is that of the less specific one', () => {
    const { variants } = variantsOf(rule, asset, [everywhere, one, override({ severity: 'critical' })]);
    expect(variants).toEqual([
      {
        fromMs: Number.NEGATIVE_INFINITY,
        untilMs: Number.POSITIVE_INFINITY,
        params: [24, 7],
        severity: 'critical',
        enabled: true,
        isPaused: false,
      },
    ]);
  });

  const switchOn = override({ asset: '1', enabled: true });
  const pauseAll = override({ rule: '*', asset: '1', enabled: 'paused' });
  const pauseSite = override({ site: 'plant', enabled: 'paused' });
  const trial = override({ site: 'plant', enabled: 'shadow' });
  const off = override({ enabled: false });
  test.each([
    ['all rules of an asset', [pauseAll], true, true],
    ['the rules of a site', [pauseSite], true, true],
    ['a pause leaves a trial a trial', [pauseAll, trial], 'shadow', true],
    ['and what is off, off', [pauseAll, off], false, true],
    ['one rule goes on while the asset is paused', [pauseAll, switchOn], true, false],
    ['the later one of two of a site, which pauses', [trial, pauseSite], 'shadow', true],
    ['the later one of two of a site, which ends the pause', [pauseSite, trial], 'shadow', false],
  ] as const)('of pauses and switches: %s', (_, overrides, enabled, isPaused) => {
    expect(variantsOf(rule, asset, overrides).variants).toMatchObject([{ enabled, isPaused }]);
  });

  test('what the asset itself states yields to an override of that asset and to no other', () => {
    const fitted = { ...asset, params: { limit: 28 } };
    const limitOf = (overrides: Override[]) => variantsOf(rule, fitted, overrides).variants[0]?.params[0];
    expect([limitOf([everywhere, site, tag]), limitOf([one, site])]).toEqual([28, 24]);
  });
});

describe('overrides in time', () => {
  test('hold from their beginning until just before their end', () => {
    const { variants } = variantsOf(rule, asset, [
      override({ params: { limit: 25 }, sinceMs: 100, untilMs: 200 }),
      override({ asset: '1', enabled: false, sinceMs: 150, untilMs: 300 }),
    ]);
    expect(variants.map(({ fromMs, params, enabled }) => [fromMs, params[0], enabled])).toEqual([
      [Number.NEGATIVE_INFINITY, 20, true],
      [100, 25, true],
      [150, 25, false],
      [200, 20, false],
      [300, 20, true],
    ]);
  });

  test('can switch a rule on that its file has switched off, and a rule that is off for all time is not bound', () => {
    const bound = (overrides: Override[]) => bind(rules, asset, points, overrides).bound.map((one) => one.rule.id);
    expect(bound([])).toEqual(['too-warm']);
    expect(bound([override({ rule: 'sleeping', enabled: true, untilMs: 10 })])).toEqual(['sleeping', 'too-warm']);
    expect(bound([override({ rule: '*', enabled: false })])).toEqual([]);
  });

  test('can give a parameter that the asset lacks: the rule is off outside their time', () => {
    const given = [override({ rule: 'fitted', params: { baseline: 3 }, sinceMs: 100, untilMs: 200 })];
    const found = bind(rules, asset, points, given).bound.find((one) => one.rule.id === 'fitted');
    expect(found?.variants.map(({ params, enabled }) => [params[0], enabled])).toEqual([
      [Number.NaN, false],
      [3, true],
      [Number.NaN, false],
    ]);
    expect(bind(rules, asset, points).missing).toEqual([
      { rule: 'fitted', input: 'baseline', reason: 'the asset has no parameter baseline' },
    ]);
  });

  test('out of bounds are never clamped: the rule does not run, and says why', () => {
    const wild = [override({ params: { limit: 99 } })];
    expect(bind(rules, asset, points, wild).missing).toContainEqual({
      rule: 'too-warm',
      input: 'limit',
      reason: 'the override o of limit = 99 is outside 10..30',
    });
  });
});

describe('mistakes in an override', () => {
  test.each([
    [{ rule: 'too-wram', params: { limit: 20 } }, "rule: no rule 'too-wram' (did you mean 'too-warm'?)"],
    [{ params: { limt: 20 } }, "params.limt: rule 'too-warm' has no parameter 'limt' (did you mean 'limit'?)"],
    [{ params: { limit: 31 } }, 'params.limit: limit = 31 is outside 10..30'],
    [{ rule: '*', params: { limit: 31 } }, 'params.limit: limit = 31 is outside 10..30'],
    [{ rule: '*', params: { nothing: 1 } }, "params.nothing: no rule has a parameter 'nothing'"],
    [{ params: { limit: Number.NaN } }, 'params.limit: limit = NaN is outside 10..30'],
    [{ enabled: false, sinceMs: 5, untilMs: 5 }, 'until: it ends before it begins'],
    [{}, ': it changes nothing: state params, severity or enabled'],
  ])('%j: %s', (part, expected) => {
    const found = findOverrideProblems(override(part as Partial<Override>), rules.rules);
    expect(found.map(({ path, message, help }) => `${path.join('.')}: ${message}${help ? ` (${help})` : ''}`)).toEqual([
      expected,
    ]);
  });
});

describe('a file of overrides', () => {
  const ruleFile = { file: 'too-warm.yaml', text: ruleText('too-warm', 'limit: { default: 20, min: 10, max: 30 }') };
  const file = (text: string) => ({ file: 'plant.yaml', text: `overrides:\n${text}` });
  const good = file(
    '  - { rule: too-warm, site: plant, params: { limit: 25 }, until: 2026-03-01, reason: Commissioning, author: ann@example.com }\n',
  );

  test('gives overrides that apply to its rules', () => {
    const { rules: set, errors } = buildRuleSet([ruleFile, good]);
    expect(errors).toEqual([]);
    expect(set.overrides).toEqual([
      {
        ...override({ site: 'plant', params: { limit: 25 }, untilMs: Date.UTC(2026, 2, 1) }),
        id: 'plant.yaml#1',
        reason: 'Commissioning',
        author: 'ann@example.com',
      },
    ]);
    expect(bind(set, asset, points).bound[0]?.variants.map(({ params }) => params[0])).toEqual([25, 20]);
  });

  test('with mistakes names each at its place, and leaves what was in force before', () => {
    const bad = file(
      [
        '  - { rule: too-wrm, params: { limit: 25 }, reason: r, author: a }',
        '  - { rule: too-warm, params: { limit: 55, lmit: 3 }, severity: warnin, reason: r, author: a }',
        '  - { rule: too-warm, enabled: maybe, reason: r }',
        '  - { rule: too-warm, since: 2026-03-01T06:00:00, until: tomorrow, reason: r, author: a, enabled: false, site: "" }',
        '  - { rule: too-warm, since: 2026-03-02, until: 2026-03-01, reason: r, author: a, sits: x }',
      ].join('\n'),
    );
    const { rules: set, errors } = buildRuleSet([ruleFile, bad], { previous: buildRuleSet([ruleFile, good]).rules });
    expect(
      errors.map(({ line, column, code, help }) => `${line}:${column} ${code}${help ? ` (${help})` : ''}`),
    ).toEqual([
      "2:13 unknown_rule (did you mean 'too-warm'?)",
      '3:40 out_of_bounds',
      "3:44 unknown_param (did you mean 'limit'?)",
      "3:65 invalid_value (did you mean 'warning'?)",
      '4:5 missing_key',
      '4:32 invalid_value',
      '5:30 invalid_value',
      '5:58 invalid_value',
      '5:112 invalid_value',
      '6:49 invalid_value',
      "6:83 unknown_key (did you mean 'site'?)",
    ]);
    expect(set.overrides.map(({ id }) => id)).toEqual(['plant.yaml#1']);
  });

  test('may name a rule whose own file has gone bad', () => {
    const broken = { file: 'too-warm.yaml', text: `${ruleFile.text}for: 90s\n` };
    expect(buildRuleSet([broken, good]).errors.map(({ code }) => code)).toEqual(['not_a_multiple']);
  });
});

function override(part: Partial<Override>): Override {
  return {
    id: 'o',
    rule: 'too-warm',
    site: null,
    asset: null,
    tag: null,
    params: {},
    severity: null,
    enabled: null,
    sinceMs: Number.NEGATIVE_INFINITY,
    untilMs: null,
    reason: 'r',
    author: 'a',
    ...part,
  };
}

function ruleText(id: string, params: string): string {
  return `rule: ${id}
version: 1
title: T
applies_to: { class: brick:AHU }
inputs: { sat: { class: brick:Supply_Air_Temperature_Sensor, unit: degC } }
params: { ${params} }
when: sat > 1
severity: warning
category: fault
`;
}
