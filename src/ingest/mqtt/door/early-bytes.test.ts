import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createEarlyBytes } from './early-bytes.ts';

/** A budget that tells how much is taken. */
function createBudget(bytesMax: number) {
  let taken = 0;
  return {
    taken: () => taken,
    take: (bytes: number) => {
      if (bytes > 0 && taken + bytes > bytesMax) return false;
      taken += bytes;
      return true;
    },
  };
}

const connectOf = (length: number) =>
  Buffer.concat([
    Buffer.from([0x10, 0x80 | (length & 0x7f), 0x80 | ((length >> 7) & 0x7f), length >> 14]),
    Buffer.alloc(length, 7),
  ]);

test('however a CONNECT and what follows it are cut, both come out whole, and the budget gets everything back', () => {
  const cases = fc.tuple(
    fc.constantFrom(0, 1, 100, 4_095, 5_000, 65_536),
    fc.constantFrom(0, 1, 300, 10_000),
    fc.array(fc.constantFrom(1, 2, 3, 50, 1_000, 30_000), { minLength: 1, maxLength: 20 }),
  );
  fc.assert(
    fc.property(cases, ([length, restLength, cuts]) => {
      const budget = createBudget(Number.POSITIVE_INFINITY);
      const early = createEarlyBytes(budget.take);
      const connect = connectOf(length);
      const rest = Buffer.alloc(restLength, 9);
      const sent = Buffer.concat([connect, rest]);
      let found: ReturnType<typeof early.takeConnect>;
      for (let at = 0, i = 0; at < sent.length; i++) {
        const end = at + (cuts[i % cuts.length] ?? 1) * (i > 500 ? 1_000 : 1);
        early.add(sent.subarray(at, end));
        found ??= early.takeConnect();
        at = end;
      }
      expect(found).toEqual(connect);
      expect(early.length()).toBe(restLength);
      expect(early.take()).toEqual(rest);
      expect(budget.taken()).toBe(0);
    }),
    { numRuns: 60 },
  );
});

test('little is free, and more is taken from the budget', () => {
  const budget = createBudget(1_000);
  const early = createEarlyBytes(budget.take);
  const bytes = connectOf(60_000);
  expect(early.add(bytes.subarray(0, 4_096))).toBe(true);
  expect(budget.taken()).toBe(0);
  expect(early.add(bytes.subarray(4_096, 5_096))).toBe(true);
  expect(budget.taken()).toBe(1_000);
  expect(early.add(bytes.subarray(5_096, 5_097))).toBe(false);
  early.giveBack();
  expect(budget.taken()).toBe(0);
});

test.each([
  ['another packet', [0x30, 1, 0], 'not_mqtt'],
  ['HTTP', [...Buffer.from('GET / HTTP/1.1')], 'not_mqtt'],
  ['TLS', [0x16, 3, 1, 2, 0, 1, 0, 1], 'not_mqtt'],
  ['a length that never ends', [0x10, 0xff, 0xff, 0xff, 0xff], 'not_mqtt'],
  ['a CONNECT of 200 MB', [0x10, 0x80, 0x84, 0xaf, 0x5f], 'packet_too_large'],
  ['a CONNECT of a byte too much', [0x10, 0x81, 0x80, 0x04], 'packet_too_large'],
])('%s is refused as soon as that can be told', (_name, bytes, refused) => {
  const early = createEarlyBytes(() => true);
  early.add(Buffer.from(bytes));
  expect(early.takeConnect()).toEqual({ refused });
});

test('many small chunks do not stay many', () => {
  const early = createEarlyBytes(() => true);
  const bytes = connectOf(60_000);
  for (let at = 0; at < 50_000; at++) early.add(bytes.subarray(at, at + 1));
  expect(early.takeConnect()).toBe(undefined);
  expect(early.length()).toBe(50_000);
});
