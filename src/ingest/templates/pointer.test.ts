import { describe, expect, test } from 'vitest';
import { followPointer, parsePointer } from './pointer.ts';

const follow = (document: unknown, text: string) => {
  const parsed = parsePointer(text);
  return 'pointer' in parsed ? followPointer(document, parsed.pointer) : parsed.problem;
};

/** The document of RFC 6901, section 5. */
const example = JSON.parse(
  '{"foo":["bar","baz"],"":0,"a/b":1,"c%d":2,"e^f":3,"g|h":4,"i\\\\j":5,"k\\"l":6," ":7,"m~n":8}',
);

describe('a JSON pointer', () => {
  test.each([
    ['', example],
    ['/foo', ['bar', 'baz']],
    ['/foo/0', 'bar'],
    ['/', 0],
    ['/a~1b', 1],
    ['/c%d', 2],
    ['/e^f', 3],
    ['/g|h', 4],
    ['/i\\j', 5],
    ['/k"l', 6],
    ['/ ', 7],
    ['/m~0n', 8],
  ])('%j leads where RFC 6901, section 5, says', (text, expected) => {
    expect(follow(example, text)).toEqual(expected);
  });

  test.each([
    ['/foo/00', 'a leading zero'],
    ['/foo/2', 'beyond the end'],
    ['/foo/-', 'after the last element'],
    ['/foo/-1', 'a negative index'],
    ['/foo/length', 'what arrays have of their own'],
    ['/foo/0/length', 'what texts have of their own'],
    ['/foo/0/0', 'a character of a text'],
    ['/__proto__', 'the prototype'],
    ['/__proto__/toString', 'a method'],
    ['/constructor', 'the constructor'],
    ['/constructor/prototype', 'its prototype'],
    ['/toString', 'a method'],
    ['/hasOwnProperty', 'a method'],
    ['/foo/999999999999', 'an index beyond any array'],
    ['/foo/map', 'a method of arrays'],
    ['//', 'below a number'],
  ])('%s leads nowhere: %s', (text) => {
    expect(follow(example, text)).toBeUndefined();
  });

  test('reads what the document itself calls __proto__, and changes nothing', () => {
    expect(follow(JSON.parse('{"__proto__":{"value":9}}'), '/__proto__/value')).toBe(9);
    expect(({} as { value?: unknown }).value).toBeUndefined();
  });

  test.each([
    ['value', /begins with a slash: \/value/],
    ['$.sensor.value', /begins with a slash/],
    ['sensor.value', /begins with a slash: \/sensor\/value/],
    ['/a~2b', /~0 .* ~1/],
    ['/a~', /~0 .* ~1/],
    ['/a'.repeat(33), /at most 32 steps/],
  ])('%s is none, and the reason says what would be', (text, expected) => {
    expect(parsePointer(text)).toMatchObject({ problem: expect.stringMatching(expected) });
  });
});
