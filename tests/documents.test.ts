/** What a document lists and the code holds too must agree. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import packageJson from '../package.json' with { type: 'json' };
import { settings } from '../src/platform/config.ts';

const root = join(import.meta.dirname, '..');
const readme = readFileSync(join(root, 'README.md'), 'utf8');

test("the README's table of settings is the list in the code", () => {
  const table = [...readme.matchAll(/^\| `([A-Z0-9_]+)` \| (?:`([^`]*)`)? *\| (.*) \| (.*) \|$/gm)].map(
    ([, ...cells]) => cells,
  );
  const code = Object.entries(settings).map(([name, setting]) => [
    name,
    'default' in setting ? setting.default : undefined,
    setting.for,
    setting.mayBe,
  ]);
  expect(table).toEqual(code);
});

test("the files of the README's reading tour exist", () => {
  const named = [...readme.matchAll(/^\d\. `([^`]+)`/gm)].map(([, file]) => file ?? '');
  expect(named).toHaveLength(6);
  expect(named.filter((file) => !existsSync(join(root, file)))).toEqual([]);
});

test('the commands that the README names are scripts of the package', () => {
  const named = [...readme.matchAll(/npm run ([a-z:-]+)/g)].map(([, name]) => name ?? '');
  expect(named.filter((name) => !(name in packageJson.scripts))).toEqual([]);
});

test('the map in src/README.md has a line for every folder, and no other', () => {
  const map = readFileSync(join(root, 'src/README.md'), 'utf8');
  const named = [...map.matchAll(/^\| `([a-z-]+)\/` \|/gm)].map(([, folder]) => folder ?? '').sort();
  const folders = readdirSync(join(root, 'src')).filter((name) => statSync(join(root, 'src', name)).isDirectory());
  expect(named).toEqual(folders.sort());
});
