import { expect, test } from 'vitest';
import type { RuleText } from '../language/load-rules.ts';
import { settleTexts } from './settle-texts.ts';

/** A rule that fires above a limit; `more` is added as it stands. */
function rule(id: string, limit: string, more = ''): RuleText {
  const lines = [
    `rule: ${id}`,
    'version: 1',
    `title: ${id}`,
    'applies_to: { class: brick:Pump }',
    'inputs: { v: { class: faultline:Vibration_Velocity_Sensor, unit: mm/s } }',
    `when: v > ${limit}`,
    'severity: warning',
    'category: fault',
    more,
  ];
  return { file: `${id}.yaml`, text: `${lines.join('\n')}\n` };
}

const derived = (expression: string): RuleText => ({
  file: 'derived/shaking.yaml',
  text: `derived: shaking\ntitle: Shaking\napplies_to: { class: brick:Pump }\ninputs: { v: { class: faultline:Vibration_Velocity_Sensor, unit: mm/s } }\nvalue: ${expression}\n`,
});

const broken = { file: 'a.yaml', text: 'rule: a\nwhen: [\n' };
const [a, a2, b] = [rule('a', '5.0'), rule('a', '6.0'), rule('b', '7.0', 'suppressed_by: [a]')];

/** Which of the rules run, by the limit in their texts; and the files with errors. */
function settle(found: RuleText[], running: RuleText[]): string {
  const { texts, rules, errors } = settleTexts(found, running, {});
  const limits = rules.rules.map(
    ({ id, file }) => `${id} > ${/when: v > (\S+)/.exec(texts.find((one) => one.file === file)?.text ?? '')?.[1]}`,
  );
  const bad = [...new Set(errors.filter(({ severity }) => severity === 'error').map(({ file }) => file))];
  return [...limits, ...bad.map((file) => `error in ${file}`)].join(', ');
}

test.each<[string, RuleText[], RuleText[], string]>([
  ['a good file is taken', [a2, b], [a, b], 'a > 6.0, b > 7.0'],
  ['a file that has gone bad runs on as it was', [broken, b], [a, b], 'a > 5.0, b > 7.0, error in a.yaml'],
  ['a new file that is bad gives no rule', [broken, b], [b], 'b > 7.0, error in a.yaml'],
  ['a file that is gone is gone', [a], [a, rule('c', '1.0')], 'a > 5.0'],
  ['a file that is gone runs on while a rule that ran names it', [b], [a, b], 'a > 5.0, b > 7.0, error in b.yaml'],
  ['a second file of a rule does not take its place', [a, { ...a2, file: 'z.yaml' }], [a], 'a > 5.0, error in z.yaml'],
])('%s', (_what, found, running, expected) => expect(settle(found, running)).toBe(expected));

test('a derived value that has gone bad runs on as it was, and so do its rules', () => {
  const user: RuleText = {
    file: 'u.yaml',
    text: rule('u', '1.0')
      .text.replace(/inputs: .*/, 'inputs: { s: { derived: shaking } }')
      .replace('when: v', 'when: s'),
  };
  const running = [derived('v * 2.0'), user];
  expect(settleTexts(running, [], {}).errors).toEqual([]);
  const { texts, rules, errors } = settleTexts([derived('v * '), user], running, {});
  expect(rules.rules.map(({ id }) => id)).toEqual(['u']);
  expect(texts).toEqual(running);
  expect(errors.length).toBeGreaterThan(0);
});

test('the texts that run are found again without what ran before: they make the same version on any machine', () => {
  const { texts, rules } = settleTexts([broken, b], [a, b], {});
  expect(settleTexts(texts, [], {}).rules.hash).toBe(rules.hash);
  expect(rules.hash).toBe(settleTexts([a, b], [], {}).rules.hash);
});

test('a file that cannot be read runs on as it was, and is told; a new one gives no rule', () => {
  const unreadable = ['a.yaml', 'c.yaml'].map((file) => ({ file, reason: 'cannot be read: EACCES' }));
  const { texts, rules, errors } = settleTexts([b], [a, b], {}, unreadable);
  expect(texts).toEqual([a, b]);
  expect(rules.rules.map(({ id }) => id)).toEqual(['a', 'b']);
  expect(errors.map(({ file, code }) => `${file} ${code}`)).toEqual([
    'a.yaml unreadable_file',
    'c.yaml unreadable_file',
  ]);
});
