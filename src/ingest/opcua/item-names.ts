/**
 * Which points the items of connections are, in memory: read when an item is first heard of, and again when its connection
 * has another version. What is absent in the database is asked for each time.
 */
import type { Db } from '../../platform/database.ts';
import { type ConnectionOwner, type ItemName, listItemNames, listOwners } from './item-name-store.ts';

export type KnownConnection = ConnectionOwner & { readonly items: ReadonlyMap<number, ItemName> };

export type ItemNames = {
  /** Those of the connections that there are, by id, each with all of the items wanted that it has. Rejects as the database does. */
  find(wanted: ReadonlyMap<string, ReadonlySet<number>>): Promise<ReadonlyMap<string, KnownConnection>>;
};

type Kept = { owner: ConnectionOwner; readonly items: Map<number, ItemName>; checkedAt: number };

/** For so long a change of a connection may go unnoticed. */
const freshMs = 2_000;
const itemsMax = 500_000;
const idMax = 2_147_483_647;

/** Names as they are in `db`. */
export function createItemNames(db: Db): ItemNames {
  const known = new Map<string, Kept>();
  let itemCount = 0;

  const forget = (id: string) => {
    itemCount -= known.get(id)?.items.size ?? 0;
    known.delete(id);
  };
  const check = async (ids: readonly string[]) => {
    const now = performance.now();
    const stale = ids.filter((id) => now - (known.get(id)?.checkedAt ?? Number.NEGATIVE_INFINITY) > freshMs);
    if (stale.length === 0) return;
    const owners = new Map((await listOwners(db, stale)).map((owner) => [owner.id, owner]));
    for (const id of stale) {
      const owner = owners.get(id);
      const kept = known.get(id);
      if (kept && owner?.version !== kept.owner.version) forget(id);
      if (!owner) continue;
      const items = known.get(id)?.items ?? new Map<number, ItemName>();
      known.set(id, { owner, items, checkedAt: now });
    }
  };

  return {
    find: async (wanted) => {
      if (itemCount > itemsMax) {
        known.clear();
        itemCount = 0;
      }
      await check([...wanted.keys()]);
      const found = new Map<string, KnownConnection>();
      for (const [id, itemIds] of wanted) {
        const kept = known.get(id);
        if (!kept) continue;
        const missing = [...itemIds].filter((itemId) => !kept.items.has(itemId) && itemId >= 0 && itemId <= idMax);
        if (missing.length > 0) {
          for (const name of await listItemNames(db, id, missing)) kept.items.set(name.id, name);
          itemCount = [...known.values()].reduce((sum, { items }) => sum + items.size, 0);
        }
        found.set(id, { ...kept.owner, items: kept.items });
      }
      return found;
    },
  };
}
