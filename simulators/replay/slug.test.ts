import fc from 'fast-check';
import { expect, test } from 'vitest';
import { slugsOf, topicLevelOf } from './slug.ts';

test('labels become lower-case words with hyphens, unique in their order', () => {
  const labels = [
    'AHU: Supply Air Temperature',
    'SAT (°F)',
    'SA Static (inH₂O)',
    'Zuluft °C',
    'sat f',
    'SAT-F',
    '%',
    '°',
  ];
  expect(slugsOf(labels)).toEqual([
    'ahu-supply-air-temperature',
    'sat-f',
    'sa-static-inh2o',
    'zuluft-c',
    'sat-f-2',
    'sat-f-3',
    'point',
    'point-2',
  ]);
});

test('whatever the labels, no two points of an asset share a slug, and each is one level of a topic', () => {
  const word = fc.constantFrom('a', 'A', 'a-2', 'a 2', 'a-3', '-', '', '/', '+', '#', 'ä', 'b');
  fc.assert(
    fc.property(fc.array(word, { maxLength: 12 }), (labels) => {
      const slugs = slugsOf(labels);
      expect(new Set(slugs).size).toBe(labels.length);
      for (const slug of slugs) expect(slug).toMatch(/^[a-z0-9-]+$/);
    }),
  );
});

test.each([
  ['MZVAV-2-2', 'MZVAV-2-2'],
  ['AHU 7', 'AHU 7'],
  ['AHU 7/East', 'ahu-7-east'],
  ['$SYS', 'sys'],
  ['a+b#', 'a-b'],
])('the asset %s is the topic level %s', (name, level) => {
  expect(topicLevelOf(name)).toBe(level);
});
