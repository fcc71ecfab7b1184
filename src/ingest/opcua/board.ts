/**
 * What readers say of their connections and items, until it is written: at most once a second, for all connections in one
 * statement. While the database is away it gathers, the latest of each.
 */
import type { Db } from '../../platform/database.ts';
import type { Log } from '../../platform/log.ts';
import { type ConnectionStatus, updateItems, updateStatuses } from './collecting-store.ts';
import { type ConnectionState, connectionStates, type ItemReport } from './connection.ts';
import type { OpcuaCounters } from './counters.ts';

export type Board = {
  /** Begins with a connection that is said to be connecting; `note` and `reports` are about it from now on. */
  open(connectionId: string): Page;
  /** Writes what is not written yet; false while the database is away. */
  flush(): Promise<boolean>;
  /** Writes the last of it, as far as the database takes it. */
  close(): Promise<void>;
};

export type Page = {
  note(changed: Partial<Omit<ConnectionStatus, 'id' | 'sinceMs'>>): void;
  reports(reports: readonly ItemReport[]): void;
  state(): ConnectionState;
  /** Nothing more is said; what was said is still written. */
  end(): void;
};

type Kept = { status: ConnectionStatus; isChanged: boolean; isEnded: boolean; items: Map<number, ItemReport> };

const everyMs = 1_000;

export function createBoard({ db, counters, log }: { db: Db; counters: OpcuaCounters; log: Log }): Board {
  const pages = new Set<Kept>();
  let timer: NodeJS.Timeout | undefined;
  let flushing: Promise<boolean> = Promise.resolve(true);
  let isAway = false;
  let isClosed = false;

  const write = async (): Promise<boolean> => {
    const changed = [...pages].filter(({ isChanged }) => isChanged);
    for (const page of changed) page.isChanged = false;
    const items = [...pages].flatMap((page) => (page.items.size > 0 ? [{ page, taken: page.items }] : []));
    for (const { page } of items) page.items = new Map();
    try {
      if (changed.length > 0)
        await updateStatuses(
          db,
          changed.map(({ status }) => status),
        );
      for (const { page, taken } of items) await updateItems(db, page.status.id, [...taken.values()]);
      isAway = false;
    } catch (error) {
      if (!isAway) log.warn({ err: error }, 'it cannot be written at present how OPC-UA connections are doing');
      isAway = true;
      for (const page of changed) page.isChanged = true;
      for (const { page, taken } of items) page.items = new Map([...taken, ...page.items]);
      return false;
    }
    for (const page of pages) if (page.isEnded && !page.isChanged && page.items.size === 0) pages.delete(page);
    return true;
  };
  const flush = () => {
    clearTimeout(timer);
    timer = undefined;
    // One after the other: an older word must not come after a newer one.
    flushing = flushing.then(write);
    return flushing;
  };
  const later = () => {
    if (isClosed) return;
    timer ??= setTimeout(() => {
      void flush().then((isWritten) => {
        if (!isWritten) later();
      });
    }, everyMs);
  };
  const count = () => {
    const states = Map.groupBy(
      [...pages].filter(({ isEnded }) => !isEnded),
      ({ status }) => status.state,
    );
    for (const state of connectionStates) counters.connections.set({ state }, states.get(state)?.length ?? 0);
  };

  return {
    open: (id) => {
      const page = openPage(id);
      pages.add(page);
      return {
        note: (said) => {
          const sinceMs =
            said.state !== undefined && said.state !== page.status.state ? Date.now() : page.status.sinceMs;
          page.status = { ...page.status, ...said, sinceMs };
          page.isChanged = true;
          // What was under way when reading ended is committed after that.
          pages.add(page);
          if (said.state !== undefined) count();
          later();
        },
        reports: (reports) => {
          for (const report of reports) page.items.set(report.itemId, report);
          later();
        },
        state: () => page.status.state,
        end: () => {
          page.isEnded = true;
          count();
          later();
        },
      };
    },
    flush,
    close: async () => {
      isClosed = true;
      await flush();
    },
  };
}

function openPage(id: string): Kept {
  const nothing = { reason: null, detail: null, server: null, lastValueMs: null, throughMs: null };
  const status: ConnectionStatus = { id, state: 'connecting', sinceMs: Date.now(), ...nothing };
  return { status, isChanged: false, isEnded: false, items: new Map() };
}
