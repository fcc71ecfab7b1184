/**
 * The shape of the program, as a test. The table is the law: a folder of src may import the folders in its row and
 * nothing else of src.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';

const mayImport: Record<string, string[]> = {
  platform: [],
  access: ['platform'],
  assets: ['platform', 'access', 'events'],
  telemetry: ['platform', 'assets'],
  ingest: ['platform', 'access', 'assets', 'telemetry'],
  rules: ['platform', 'assets', 'telemetry'],
  events: ['platform', 'access'],
  files: ['platform', 'access'],
  comments: ['platform', 'access', 'events'],
  insights: ['platform', 'access', 'assets', 'rules', 'events', 'comments'],
  'work-orders': ['platform', 'access', 'assets', 'insights', 'events', 'comments', 'files'],
  api: [
    'platform',
    'access',
    'assets',
    'telemetry',
    'ingest',
    'rules',
    'insights',
    'work-orders',
    'events',
    'comments',
    'files',
  ],
};
/** Within the rules values flow down this list: a folder runs nothing of one after it. Types may be named anywhere. */
const orderOfRules = ['language', 'kernel', 'back-test', 'testing', 'live'];
const knowEverybody = ['main.ts', 'cli'];
const linesMax = 300;
const generated = ['src/platform/schema.ts'];

const root = resolve(import.meta.dirname, '..');
const src = join(root, 'src');

describe('the folders of src', () => {
  test('are those of the import table', () => {
    const folders = readdirSync(src).filter((name) => statSync(join(src, name)).isDirectory());
    expect(folders.filter((name) => !(name in mayImport) && name !== 'cli')).toEqual([]);
  });

  test('import only what the table allows', () => {
    const offences = listSources(src).flatMap((file) => {
      const from = stageOf(file);
      if (knowEverybody.includes(from)) return [];
      return listImports(file)
        .filter((target) => target.startsWith(src))
        .map(stageOf)
        .filter((to) => to !== from && !mayImport[from]?.includes(to))
        .map((to) => `${relative(root, file)} imports ${to}`);
    });
    expect(offences).toEqual([]);
  });

  test('of the rules run nothing of a folder after them', () => {
    const rules = join(src, 'rules');
    const rankOf = (file: string) => orderOfRules.indexOf(relative(rules, file).split('/')[0] ?? '');
    const offences = listSources(rules)
      .filter((file) => !file.endsWith('.test.ts'))
      .flatMap((file) =>
        listImports(file, 'values')
          .filter((target) => target.startsWith(rules) && rankOf(target) > rankOf(file))
          .map((target) => `${relative(rules, file)} imports ${relative(rules, target)}`),
      );
    expect(offences).toEqual([]);
    expect(listSources(rules).filter((file) => rankOf(file) < 0)).toEqual([]);
  });

  test('hold no SQL outside the stores, the migrations and the platform', () => {
    const statement = /\b(sql`|sql<|\.selectFrom\(|\.insertInto\(|\.updateTable\(|\.deleteFrom\(|\.query\()/;
    const offences = listSources(src)
      .filter((file) => !/store\.ts$|\.test\.ts$/.test(file) && stageOf(file) !== 'platform')
      .filter((file) => statement.test(readFileSync(file, 'utf8')))
      .map((file) => relative(root, file));
    expect(offences).toEqual([]);
  });
});

test('simulators and benchmarks import nothing of src: they speak MQTT, HTTP and SQL from outside', () => {
  // The benchmark of the rules measures the kernel, which nothing outside reaches alone, and the back-test that the command runs; that of
  // telemetry the append and the reads on two engines side by side.
  const measuresInside = (file: string) => /^bench\/(rules|telemetry)(-[a-z]+)?\.ts$/.test(relative(root, file));
  const offences = [...listSources(join(root, 'simulators')), ...listSources(join(root, 'bench'))]
    .filter((file) => !measuresInside(file))
    .filter((file) => listImports(file).some((target) => target.startsWith(src)))
    .map((file) => relative(root, file));
  expect(offences).toEqual([]);
});

test(`no file is longer than ${linesMax} lines`, () => {
  const long = ['src', 'simulators', 'bench', 'tests']
    .flatMap((folder) => listSources(join(root, folder)))
    .filter((file) => !generated.includes(relative(root, file)))
    .map((file) => ({ file: relative(root, file), lines: readFileSync(file, 'utf8').split('\n').length - 1 }))
    .filter(({ lines }) => lines > linesMax);
  expect(long).toEqual([]);
});

test('the rule kernel knows neither clock nor chance: time is an argument', () => {
  const banned =
    /\bDate\.now\b|\bnew Date\(\s*\)|\bperformance\b|\bMath\.random\b|\bsetTimeout\b|\bsetInterval\b|node:crypto.*random/;
  const offences = listSources(join(src, 'rules'))
    .filter((file) => !file.endsWith('.test.ts'))
    .filter((file) => banned.test(withoutComments(readFileSync(file, 'utf8'))))
    .map((file) => relative(root, file));
  expect(offences).toEqual([]);
});

test('a program that has no OPC-UA connection never loads the library of it, which takes 90 MB', () => {
  const loaded = new Map<string, string>();
  const waiting = [join(src, 'main.ts')];
  for (const file of waiting) {
    if (loaded.has(file)) continue;
    const text = readFileSync(file, 'utf8');
    loaded.set(file, text);
    // What is imported as it runs is not followed: `await import(…)` stands inside of functions.
    const imports = text.matchAll(/^(?:import|export) (?!type\b)[^;]*?from '(\.[^']+\.ts)';/gm);
    for (const [, path = ''] of imports) waiting.push(resolve(dirname(file), path));
  }
  expect(loaded.size).toBeGreaterThan(200);
  const loading = [...loaded].filter(([, text]) => /^import (?!type\b)[^;]*?from 'node-opcua/m.test(text));
  expect(loading.map(([file]) => relative(root, file))).toEqual([]);
});

test('no folder has a barrel file, and no file is called after nothing', () => {
  const names = /\/(index|utils?|helpers?|types|common|misc)\.ts$/;
  expect(listSources(src).filter((file) => names.test(file))).toEqual([]);
});

function listSources(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !/node_modules|generated-client\/generated/.test(name))
    .map((name) => join(folder, name));
}

/** The first folder below src, or the file's own name for one that lies in src itself. */
function stageOf(file: string): string {
  return relative(src, file).split('/')[0] ?? '';
}

function listImports(file: string, which: 'all' | 'values' = 'all'): string[] {
  const text = readFileSync(file, 'utf8');
  const sought = which === 'all' ? text : text.replace(/^import type [^;]*;/gm, '');
  return [...sought.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)].map(([, path]) =>
    resolve(dirname(file), path ?? ''),
  );
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '');
}
