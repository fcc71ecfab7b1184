import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isGranted } from '../../../access/device-grants.ts';
import { createTopicTree } from './topic-tree.ts';

const name = fc.constantFrom('a', 'b', '', '$s');
const topics = fc.array(name, { minLength: 1, maxLength: 4 }).map((levels) => levels.join('/'));
const filters = fc
  .tuple(fc.array(fc.oneof(name, fc.constant('+')), { maxLength: 3 }), fc.boolean())
  .filter(([levels, isOpen]) => levels.length > 0 || isOpen)
  .map(([levels, isOpen]) => [...levels, ...(isOpen ? ['#'] : [])].join('/'));

function matches<Value>(each: (found: (value: Value) => void) => void): Value[] {
  const values: Value[] = [];
  each((value) => values.push(value));
  return values.sort();
}

test('a topic finds the filters that it matches, each once, and none that was taken out', () => {
  fc.assert(
    fc.property(fc.uniqueArray(filters), fc.array(filters, { maxLength: 3 }), topics, (kept, gone, topic) => {
      const tree = createTopicTree<string>();
      for (const filter of [...gone, ...kept]) tree.set(filter, filter);
      const there = new Set([...gone, ...kept]);
      for (const filter of gone) {
        tree.delete(filter);
        tree.delete(filter);
        there.delete(filter);
      }
      const expected = [...there].filter((filter) => isGranted([filter], topic)).sort();
      expect(matches<string>((found) => tree.eachMatching(topic, found))).toEqual(expected);
      expect(tree.size()).toBe(there.size);
    }),
    { numRuns: 2_000 },
  );
});

test('a filter finds the topics that it matches, each once', () => {
  fc.assert(
    fc.property(fc.uniqueArray(topics, { maxLength: 8 }), filters, (held, filter) => {
      const tree = createTopicTree<string>();
      for (const topic of held) tree.set(topic, topic);
      const expected = held.filter((topic) => isGranted([filter], topic)).sort();
      expect(matches<string>((found) => tree.eachWithin(filter, found))).toEqual(expected);
    }),
    { numRuns: 2_000 },
  );
});

test('an emptied tree holds nothing of what went through it', () => {
  const tree = createTopicTree<number>();
  tree.set('a/b/c', 1);
  tree.set('a', 2);
  tree.delete('a/b/c');
  expect(tree.get('a')).toBe(2);
  tree.delete('a');
  expect([tree.get('a'), tree.size()]).toEqual([undefined, 0]);
});
