/** Lists as a caller sees them: where they come in, and what `expand` shows along with each item. */
import type { Db } from '../platform/database.ts';
import { JsonText } from '../platform/json-text.ts';
import type { Page, Reader } from '../platform/paging.ts';
import { type Area, type Caller, nameOf, requireScope, type Scope } from './api-key.ts';

/** Who reads a list: a cursor opens it for the same tenant, sites and mount alone; local times are the site's, or the tenant's. */
export function readerOf({ caller, site }: Area, ...of: readonly (string | null)[]): Reader {
  return { of: [...nameOf({ caller, site }), caller.siteIds, ...of], timeZone: site?.timeZone ?? caller.timeZone };
}

/** How one name of `expand` is answered. */
export type Expander<T> = {
  /** What the caller must be allowed, to see it. */
  readonly scope: Scope;
  /** What the item names, by which `load` finds it; null where it names nothing. */
  keyOf(item: T): string | null;
  /** Those of the keys that the caller may see, in one statement: of its tenant, and of its sites. */
  load(db: Db, caller: Caller, keys: readonly string[]): Promise<ReadonlyMap<string, object>>;
};

export type Expanders<T, E extends string> = { readonly [name in E]: Expander<T> };

/** Items with what was asked for in `expanded`; as they are where nothing was. Throws scope_missing. */
export async function expand<T extends object, E extends string>(
  db: Db,
  items: readonly T[],
  asked: { readonly caller: Caller; readonly names: readonly E[]; readonly expanders: Expanders<T, E> },
): Promise<readonly T[]> {
  const { caller, names, expanders } = asked;
  if (names.length === 0) return items;
  for (const name of names) requireScope(caller, expanders[name].scope);
  const found = new Map<E, ReadonlyMap<string, object>>();
  for (const name of names) {
    const { keyOf, load } = expanders[name];
    const keys = new Set(items.map(keyOf).filter((key) => key !== null));
    found.set(name, keys.size === 0 ? new Map() : await load(db, caller, [...keys]));
  }
  return items.map((item) => {
    const shown = names.map((name) => {
      const key = expanders[name].keyOf(item);
      return [name, (key === null ? null : found.get(name)?.get(key)) ?? null] as const;
    });
    return { ...item, expanded: Object.fromEntries(shown) };
  });
}

/** The same for a page of a list. What is JSON already stays so where nothing was asked for. */
export async function expandPage<T extends object, E extends string>(
  db: Db,
  page: Page<T | JsonText<T>>,
  asked: Parameters<typeof expand<T, E>>[2],
): Promise<Page<T | JsonText<T>>> {
  if (asked.names.length === 0) return page;
  const items = page.items.map((item) => (item instanceof JsonText ? item.read() : item));
  return { ...page, items: await expand(db, items, asked) };
}
