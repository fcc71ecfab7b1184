import { expect, test } from 'vitest';
import { namedIn } from './comment.ts';

test.each([
  ['@alex please look', ['alex']],
  ['ask @Alex.Smith, or @sam-2', ['alex.smith', 'sam-2']],
  ['(@alex) and @alex again', ['alex']],
  ['it was @alex.', ['alex.', 'alex']],
  ['write to alex@betacit.com', []],
  ['@@alex', []],
  ['@ alex', []],
  ['@Jürgen と @点検', ['jürgen', '点検']],
])('%j names %j', (body, names) => {
  expect(namedIn(body)).toEqual(names);
});

test('no more than a hundred names of one text are looked for', () => {
  const body = Array.from({ length: 500 }, (_, index) => `@user${index}`).join(' ');
  expect(namedIn(body)).toHaveLength(100);
});
