import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { backTestColumns } from '../back-test/back-test.ts';
import { createEvaluation } from '../kernel/evaluation.ts';
import { buildRuleSet, type LoadedRules, readRuleTexts } from './load-rules.ts';

/**
 * What reaches the compiler of JavaScript: every source that loading a rule generates is taken down on its way and looked at.
 * Names of a hostile rule are those that mean something to JavaScript or to the generated code; its texts try to break out.
 */
const hostileNames = [
  'constructor',
  'toString',
  'eval',
  'process',
  'globalThis',
  'v',
  'p',
  'w',
  'o',
  't0',
  'NaN',
  'Math',
];
const hostileTexts = [
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the text of an attack.
  '${process.exit(1)}',
  '`;throw 1;//',
  "');throw new Error('x');//",
  '*/ throw 1 /*',
  '</script>',
  '\u2028throw 1',
  '{{ constructor.constructor(1) }}',
  '__proto__',
];

const names = fc.uniqueArray(fc.constantFrom(...hostileNames), { minLength: 6, maxLength: 6 });

describe('generated source', () => {
  test('of a hostile rule holds slots, literals and operators only, and is that of a harmless one of its shape', () => {
    const limits = fc.constantFrom(1, -3, 0.1, 1e21, 5e-324);
    fc.assert(
      fc.property(names, fc.constantFrom(...hostileTexts), limits, (some, text, limit) => {
        const { sources, loaded } = generate(hostileRule(some, text, limit));
        expect(loaded.errors.filter(({ severity }) => severity === 'error')).toEqual([]);
        expect(sources.length).toBeGreaterThan(5);
        for (const source of sources) expect(foreignIn(source)).toBe('');
        const harmless = generate(hostileRule(['one', 'two', 'three', 'four', 'five', 'six'], 'words', limit));
        expect(sources).toEqual(harmless.sources);
      }),
      { numRuns: 100 },
    );
  });

  test('of the loops over ticks and over assets is that of a harmless rule of the same shape', () => {
    for (const text of hostileTexts) {
      const hostile = generateLoops(hostileNames.slice(0, 6), text);
      expect(hostile.length).toBeGreaterThan(1);
      expect(hostile).toEqual(generateLoops(['one', 'two', 'three', 'four', 'five', 'six'], 'words'));
    }
  });

  test('of the whole library does as well', async () => {
    const texts = await readRuleTexts(new URL('../../../rules', import.meta.url).pathname);
    const { sources, loaded } = generate(() => buildRuleSet(texts));
    expect(sources.length).toBeGreaterThan(5 * loaded.rules.rules.length);
    expect([...new Set(sources.map(foreignIn))]).toEqual(['']);
  });

  test('is told apart from one with a word in it', () => {
    expect(foreignIn('const t0=v[0];return t0>1?2:0;')).toBe('');
    expect(foreignIn('const t0=v[0];process;return t0;')).toBe('process');
    expect(foreignIn('return v["constructor"]')).toContain('constructor');
  });
});

describe('a hostile rule', () => {
  test.each(['prototype', 'return', 'function', 'double', 'int', 'map', 'null_type', 'avg', 'in'])(
    'with an input, a parameter or a part named %s is an error of its file, and no other file suffers',
    (name) => {
      for (const as of ['inputs', 'params', 'let'] as const) {
        const good = { file: 'good.yaml', text: plainRule('good', '') };
        const { rules, errors } = buildRuleSet([
          good,
          { file: 'bad.yaml', text: plainRule('bad', declaring(as, name)) },
        ]);
        expect(rules.rules.map(({ id }) => id)).toEqual(['good']);
        expect(new Set(errors.map(({ file }) => file))).toEqual(new Set(['bad.yaml']));
      }
    },
  );

  test.each([
    ["x.constructor('return 1')() == 1.0"],
    ["x['constructor'] == 1.0"],
    ["avg(x, '5m').valueOf() > 1.0"],
    ['"process.exit()" == "1"'],
    ['[1.0, 2.0].map(y, y)[0] > 1.0'],
    ['{"a": 1.0}.a > x'],
    ["avg(x, '5m' + '') > 1.0"],
    ['has(x.y)'],
    ['__proto__ > 1.0'],
    ['dyn(x) == 1.0'],
    ['type(x) == double'],
  ])('that says %s is refused before anything is generated from it', (when) => {
    const { sources, loaded } = generate(() => buildRuleSet([{ file: 'x.yaml', text: plainRule('x', '', when) }]));
    expect(loaded.rules.rules).toEqual([]);
    expect(loaded.errors.some(({ severity }) => severity === 'error')).toBe(true);
    expect(sources.filter((source) => foreignIn(source) !== '')).toEqual([]);
  });
});

/** What is left of a source without slots, temporary names, numbers, operators and the fixed words. */
function foreignIn(source: string): string {
  const words =
    /"use strict";|\b(?:const|return|NaN|false|Math\.(?:abs|min|max|sqrt|floor))\b|\b[vpwo]\[\d+\]|\bt\d+\b/g;
  const literals = /(?<![\w"'])\d+(?:\.\d+)?(?:e[+-]?\d+)?(?![\w"'])/g;
  return source
    .replace(words, '')
    .replace(literals, '')
    .replace(/[\s=<>!&|?:;,+\-*/()]/g, '');
}

/** Loads rules and takes down every source that is compiled meanwhile. */
function generate(load: () => LoadedRules): { sources: string[]; loaded: LoadedRules } {
  const { sources, result } = takeDown('v', load);
  return { sources, loaded: result };
}

/** The loops that a back-test over columns and a live tick compile for a rule. */
function generateLoops(some: string[], text: string): string[] {
  const { rules } = hostileRule(some, text, 1)();
  const points = [
    { id: 'air', class: 'brick:Supply_Air_Temperature_Sensor', of: null, unit: 'degC' },
    { id: 'fan', class: 'brick:Fan_On_Off_Status', of: null, unit: 'bool' },
  ];
  const asset = { id: text, name: text, class: 'brick:AHU', siteTimeZone: 'UTC' };
  const times = Float64Array.from({ length: 60 }, (_, minute) => minute * 60_000);
  const columns = new Map(points.map(({ id }) => [id, { times, values: times.map((_, index) => index % 3) }]));
  const input = { ruleSet: rules, assets: [{ asset, points }], columns, fromMs: 0, toMs: 3_600_000 };
  return takeDown('x', () => [backTestColumns(input), createEvaluation(input).tick(0)]).sources;
}

/** Whatever is compiled meanwhile as a function whose first parameter has that name. */
function takeDown<Result>(parameter: string, act: () => Result): { sources: string[]; result: Result } {
  const sources: string[] = [];
  const genuine = globalThis.Function;
  globalThis.Function = new Proxy(genuine, {
    construct(target, args: string[]) {
      if (args[0] === parameter) sources.push(args.at(-1) as string);
      return Reflect.construct(target, args);
    },
  });
  try {
    return { result: act(), sources };
  } finally {
    globalThis.Function = genuine;
  }
}

function hostileRule(some: string[], text: string, limit: number): () => LoadedRules {
  const [a, b, c, d, e, f] = some as [string, string, string, string, string, string];
  const quoted = JSON.stringify(text);
  const rule = `
rule: hostile
version: 1
title: ${quoted}
docs: ${quoted}
tags: [${quoted}]
applies_to: { class: brick:AHU }
inputs:
  ${a}: { class: brick:Supply_Air_Temperature_Sensor, unit: degC }
  ${b}: { class: brick:Fan_On_Off_Status, unit: bool }
  ${f}: { derived: ${a} }
params: { ${c}: { default: ${limit}, help: ${quoted} } }
let: { ${d}: "avg(${a}, '5m') + ${c}", ${e}: "${b} ? ${a} : ${d}" }
when: "${e} > ${limit}.0 && held(${b}, '5m') || ${a} in [${c}, 2.0] || ${f} > 1.0"
clear: "!(${d} > ${c}) && known(${a})"
hold_off: { after_change_of: [${b}, ${d}], for: 5m }
cost: "${d} * 2.0"
severity: warning
category: fault
message: ${JSON.stringify(`${text.startsWith('{{') ? '' : text} {{ ${d} | 1 }} {{ ${b} }}`)}
causes: [${quoted}]
actions: [${quoted}]
work_order: { title: ${quoted}, assign: ${quoted}, type: ${quoted}, category: ${quoted} }
`.replaceAll(`${limit}.0`, Number.isInteger(limit) && Math.abs(limit) < 1e6 ? `${limit}.0` : String(limit));
  const derived = `
derived: ${a}
title: ${quoted}
applies_to: { class: brick:AHU }
inputs: { ${b}: { class: brick:Supply_Air_Temperature_Sensor, unit: degC } }
value: "${b} + 1.0"
`;
  return () =>
    buildRuleSet([
      { file: 'hostile.yaml', text: rule },
      { file: 'derived.yaml', text: derived },
    ]);
}

function plainRule(id: string, more: string, when = 'x > 1.0'): string {
  const inputs = more.startsWith('inputs') ? more : `inputs: { x: ${input} }\n${more}`;
  return `
rule: ${id}
version: 1
title: x
applies_to: { class: brick:AHU }
${inputs}
when: ${JSON.stringify(when)}
severity: warning
category: fault
`;
}

const input = '{ class: brick:Supply_Air_Temperature_Sensor, unit: degC }';

function declaring(as: 'inputs' | 'params' | 'let', name: string): string {
  if (as === 'inputs') return `inputs: { x: ${input}, ${name}: ${input} }`;
  return as === 'params' ? `params: { ${name}: { default: 1 } }` : `let: { ${name}: x > 1.0 }`;
}
