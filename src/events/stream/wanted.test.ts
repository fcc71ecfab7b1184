import { expect, test } from 'vitest';
import { type Entry, matcherOf, scopeOf, typesOf, type Wanted } from './wanted.ts';

const wanted: Wanted = {
  tenantId: 't',
  siteIds: null,
  assetIds: null,
  pointIds: null,
  types: new Set(['reading', 'insight.opened']),
};
const reading: Entry = {
  type: 'reading',
  tenantId: 't',
  siteId: 's',
  assetId: 'a',
  pointId: 'p',
  mergedIds: [],
  text: '',
};

test.each<[string, Partial<Wanted>, Partial<Entry>, boolean]>([
  ['everything of the tenant', {}, {}, true],
  ['another tenant', {}, { tenantId: 'other' }, false],
  ['another type', {}, { type: 'insight.updated' }, false],
  ['a site among its sites', { siteIds: ['s', 'x'] }, {}, true],
  ['a site that is not', { siteIds: ['x'] }, {}, false],
  ['of no site, for one who is limited to sites', { siteIds: ['s'] }, { siteId: null }, false],
  ['of no site, for one who is not', {}, { siteId: null }, true],
  ['no site at all', { siteIds: [] }, {}, false],
  ['the point, by one that was merged into it', { pointIds: ['old'] }, { mergedIds: ['old', 'older'] }, true],
  ['the asset, by one that was merged into it', { assetIds: ['old'] }, { mergedIds: ['older', 'old'] }, true],
  ['a merged point, of another asset', { assetIds: ['b'], pointIds: ['old'] }, { mergedIds: ['old'] }, false],
  ['another asset', { assetIds: ['b'] }, {}, false],
  ['the point, of another asset', { assetIds: ['b'], pointIds: ['p'] }, {}, false],
  ['an event, for one who asks for a point', { pointIds: ['p'] }, { type: 'insight.opened', pointId: null }, false],
])('%s', (_, more, entry, isTold) => {
  expect(matcherOf({ ...wanted, ...more })({ ...reading, ...entry })).toBe(isTold);
});

test.each<[string, string[]]>([
  ['reading', ['reading']],
  ['device.*', ['device.online', 'device.offline']],
  ['insight.opened', ['insight.opened']],
  ['insight', []],
  ['*', []],
  ['.*', []],
  ['reading.*', []],
  ['insight.open*', []],
  ['__proto__', []],
])('%s stands for %j', (pattern, types) => expect(typesOf(pattern)).toEqual(types));

test('readings are looked for by the narrowest that each stream names, and not where none wants any', () => {
  expect(
    scopeOf([
      wanted,
      { ...wanted, siteIds: ['s'] },
      { ...wanted, siteIds: ['s'], assetIds: ['a'] },
      { ...wanted, assetIds: ['a'], pointIds: ['p', 'q'] },
      { ...wanted, tenantId: 'u', types: new Set(['insight.opened']) },
    ]),
  ).toEqual({ tenantIds: ['t'], siteIds: ['s'], assetIds: ['a'], pointIds: ['p', 'q'] });
  expect(scopeOf([{ ...wanted, types: new Set(['insight.opened']) }])).toBeUndefined();
});
