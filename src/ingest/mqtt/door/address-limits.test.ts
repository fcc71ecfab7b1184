import { expect, test } from 'vitest';
import { addressOf, createAddressLimits } from './address-limits.ts';

test.each([
  ['192.0.2.7', '192.0.2.7'],
  ['::ffff:192.0.2.7', '192.0.2.7'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:db8:1:2::6', '2001:db8:1:2::/64'],
  ['2001:db8::6', '2001:db8:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  [undefined, ''],
])('%s counts as %s', (remoteAddress, address) => expect(addressOf(remoteAddress)).toBe(address));

test('an address has its own limit, and all together have theirs; who leaves makes room', () => {
  const limits = createAddressLimits({ connectionsMax: 3, addressConnectionsMax: 2 });
  expect(['a', 'a', 'a', 'b', 'c'].map((address) => limits.enter(address))).toEqual([
    undefined,
    undefined,
    'too_many_of_address',
    undefined,
    'too_many_connections',
  ]);
  limits.leave('a', false);
  expect(limits.enter('c')).toBe(undefined);
  limits.leave('a', false);
  limits.leave('c', false);
  expect(['a', 'a', 'a'].map((address) => limits.enter(address))).toEqual([
    undefined,
    undefined,
    'too_many_connections',
  ]);
});

test('those that do not say who they are leave room for others', () => {
  const limits = createAddressLimits({ connectionsMax: 20_000, addressConnectionsMax: 10_000 });
  const enter = (address: string, count: number) =>
    Array.from({ length: count }, () => limits.enter(address)).filter((refused) => refused === undefined).length;
  expect(enter('a', 5_000)).toBe(2_000);
  for (let i = 0; i < 500; i++) limits.arrive('a');
  expect(enter('a', 5_000)).toBe(500);
  expect(enter('b', 5_000)).toBe(2_000);
  for (const address of ['c', 'd', 'e', 'f']) enter(address, 5_000);
  expect(enter('g', 1)).toBe(0);
  limits.leave('a', false);
  expect(enter('g', 2)).toBe(1);
  limits.leave('a', true);
  expect(enter('h', 1)).toBe(0);
});
