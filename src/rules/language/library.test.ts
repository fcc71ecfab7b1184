import { readFile } from 'node:fs/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { createEvaluation } from '../kernel/evaluation.ts';
import { runRuleTest } from '../testing/rule-test.ts';
import { formatCoverage } from '../testing/rule-test-report.ts';
import { testRules } from '../testing/test-rules.ts';
import { buildRuleSet, type LoadedRules, loadRules, readRuleTexts } from './load-rules.ts';
import type { Rule } from './rule.ts';
import { fileJsonSchema, fileKinds, RuleFile, type RuleTestFile } from './rule-file.ts';
import { listFunctionNames } from './vocabulary.ts';

const directory = new URL('../../../rules', import.meta.url).pathname;
let library: LoadedRules;
let tested: Awaited<ReturnType<typeof testRules>>;
let readme: string;

beforeAll(async () => {
  library = await loadRules(directory);
  tested = await testRules([directory], library.rules);
  readme = await readFile(`${directory}/README.md`, 'utf8');
});

describe('the library', () => {
  test('loads without an error or a warning', () => expect(library.errors).toEqual([]));

  test('passes its own tests, each case in one piece, cut and shuffled', () => {
    const { files, errors } = tested;
    expect(errors).toEqual([]);
    const failures = files.flatMap(({ results }) =>
      results.flatMap(({ name, failures: found }) => found.map(({ message }) => `${name}: ${message}`)),
    );
    expect(failures).toEqual([]);
  });

  test('has cases that fire, clear and starve every rule, and cases of the ten situations', () => {
    expect(formatCoverage(tested.coverage)).toEqual([]);
  });

  test('knows a root cause before the work order of its symptom is due', () => {
    const byId = new Map(library.rules.rules.map((rule) => [rule.id, rule]));
    const late = library.rules.rules.flatMap((rule) =>
      rule.suppressedBy.filter((id) => {
        const cause = byId.get(id) as Rule;
        const dueMs = firesAfterMs(rule) + (rule.workOrder?.afterMs ?? Number.POSITIVE_INFINITY);
        return !takesHours.test(id) && dueMs < firesAfterMs(cause);
      }),
    );
    expect(late).toEqual([]);
  });

  test.each([
    ['its own sensor, which may be wrong by 1.1 K, fires', 'ahu', 17.4, 1],
    ['the sensor of the site, which may be wrong by 2.8 K, does not', 'weather', 17.4, 0],
    ['the sensor of the site does where the air is colder still', 'weather', 15.7, 1],
  ])('without an outdoor sensor of its own a unit goes by that of the site: %s', (_, owner, mixed, fired) => {
    const point = (id: string, name: string, of: string | null = null, unit = 'degC') => ({
      id,
      class: `brick:${name}`,
      of,
      unit,
    });
    const outdoor = point('oat', 'Outside_Air_Temperature_Sensor');
    const own = [
      point('mat', 'Mixed_Air_Temperature_Sensor'),
      point('rat', 'Return_Air_Temperature_Sensor'),
      // Neither has this unit a status of its fan.
      point('fan', 'Fan_On_Off_Command', 'brick:Supply_Fan', 'bool'),
    ];
    const asset = (id: string, className: string) => ({ id, name: id, class: className, siteTimeZone: 'UTC' });
    const values = { mat: mixed, rat: 24, oat: 21.6, fan: 1 };
    const evaluation = createEvaluation({
      ruleSet: { ...library.rules, rules: library.rules.rules.filter(({ id }) => id === 'g36-fc2') },
      assets: [
        { asset: asset('ahu', 'brick:AHU'), points: owner === 'ahu' ? [...own, outdoor] : own },
        { asset: asset('weather', 'brick:Weather_Station'), points: owner === 'ahu' ? [] : [outdoor] },
      ],
    });
    let opened = 0;
    for (let atMs = 0; atMs < 2 * 3_600_000; atMs += 60_000) {
      for (const [id, value] of Object.entries(values))
        for (const index of evaluation.pointIndexes(id)) evaluation.observe(index, atMs, value, 0);
      opened += evaluation.tick(atMs).filter(({ kind }) => kind === 'opened').length;
    }
    expect(opened).toBe(fired);
  });

  test('names a source, causes, actions and a work order for every rule', () => {
    const bare = library.rules.rules.filter(
      ({ docs, causes, actions, workOrder }) => !docs || causes.length === 0 || actions.length === 0 || !workOrder,
    );
    expect(bare.map(({ id }) => id)).toEqual([]);
  });

  test('tells editors the schema of every file', async () => {
    const texts = await readRuleTexts(directory);
    const line = /^# yaml-language-server: \$schema=(?:\.\.\/)+(?:rule|derived|overrides)\.schema\.json\n/;
    expect(texts.filter(({ text }) => !line.test(text)).map(({ file }) => file)).toEqual([]);
  });

  test('keeps to whole ticks when an hour of rule time is a minute', async () => {
    const { rules, errors } = await loadRules(directory, { timeScale: 60 });
    expect(errors).toEqual([]);
    expect(rules.rules.map(({ timing }) => timing.forMs % timing.everyMs)).toEqual(rules.rules.map(() => 0));
  });
});

// That a single sensor stands still takes hours to tell from air that does.
const takesHours = /^(?:ahu-outdoor-air|vav-zone)-sensor-flat$/;

/** How long a fault lasts, from its beginning with the equipment, before the rule fires. */
function firesAfterMs({ holdOff, timing, windows, minCover }: Rule): number {
  const windowMs = Math.max(0, ...windows.map(({ ticks }) => ticks * timing.everyMs * minCover));
  return Math.max(holdOff?.forMs ?? 0, windowMs) + timing.forMs;
}

describe('the document of the language', () => {
  test('names every key of a rule, every key of an input and every function', () => {
    const inputKeys = Object.keys(RuleFile.shape.inputs.valueType.shape);
    const words = [...Object.keys(RuleFile.shape), ...inputKeys, ...listFunctionNames().map((name) => `${name}(`)];
    expect(words.filter((word) => !readme.includes(`\`${word}`))).toEqual([]);
  });

  test('has a first rule that loads and a test that it passes', () => {
    const blocks = [...readme.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, block]) => block as string);
    const { rules, errors } = buildRuleSet([{ file: 'first.yaml', text: blocks[0] as string }]);
    expect(errors).toEqual([]);
    const file = parse(blocks.find((block) => block.includes('cases:')) as string) as RuleTestFile;
    const results = runRuleTest(file, rules);
    expect(results.length).toBe(1);
    expect(results.flatMap(({ failures }) => failures)).toEqual([]);
  });

  test.each(fileKinds)(
    'comes with the JSON Schema of %s files that editors use, as the code would write it',
    async (kind) => {
      expect(JSON.parse(await readFile(`${directory}/${kind}.schema.json`, 'utf8'))).toEqual(
        JSON.parse(JSON.stringify(fileJsonSchema(kind))),
      );
    },
  );
});
