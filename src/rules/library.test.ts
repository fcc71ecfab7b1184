import { readFile } from 'node:fs/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { buildRuleSet, type LoadedRules, loadRules } from './load-rules.ts';
import { RuleFile, type RuleTestFile, ruleFileJsonSchema } from './rule-file.ts';
import { runRuleTest } from './rule-test.ts';
import { testRules } from './test-rules.ts';
import { listFunctionNames } from './vocabulary.ts';

const directory = new URL('../../rules', import.meta.url).pathname;
let library: LoadedRules;
let tested: Awaited<ReturnType<typeof testRules>>;
let readme: string;

beforeAll(async () => {
  library = await loadRules(directory);
  tested = await testRules([directory], library.rules);
  readme = await readFile(`${directory}/README.md`, 'utf8');
}, 120_000);

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

  test('has cases that fire, clear and starve every rule', () => {
    const gaps = [...tested.coverage]
      .filter(([, { fires, clears, starves }]) => !(fires && clears && starves))
      .map(([id]) => id);
    expect(gaps).toEqual([]);
  });

  test('names a source, causes, actions and a work order for every rule', () => {
    const bare = library.rules.rules.filter(
      ({ docs, causes, actions, workOrder }) => !docs || causes.length === 0 || actions.length === 0 || !workOrder,
    );
    expect(bare.map(({ id }) => id)).toEqual([]);
  });

  test('keeps to whole ticks when an hour of rule time is a minute', async () => {
    const { rules, errors } = await loadRules(directory, { timeScale: 60 });
    expect(errors).toEqual([]);
    expect(rules.rules.map(({ timing }) => timing.forMs % timing.everyMs)).toEqual(rules.rules.map(() => 0));
  });
});

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

  test('comes with the JSON Schema that editors use, as the code would write it', async () => {
    expect(JSON.parse(await readFile(`${directory}/rule.schema.json`, 'utf8'))).toEqual(
      JSON.parse(JSON.stringify(ruleFileJsonSchema())),
    );
  });
});
