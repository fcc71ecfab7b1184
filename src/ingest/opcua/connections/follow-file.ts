import { stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Db } from '../../../platform/database.ts';
import type { Log } from '../../../platform/log.ts';
import type { Sealer } from '../../../platform/sealer.ts';
import { applyConnectionFile } from './apply-file.ts';

export type FollowOptions = {
  readonly db: Db;
  readonly path: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly sealer: Sealer;
  readonly log: Log;
  /** How often the file is looked at, in milliseconds: events of the file system do not come on network drives. */
  readonly everyMs?: number;
};

/**
 * Applies the file now, and again whenever it has changed. Rejects where it cannot be applied at the start; later its connections stay as
 * they are then, and the log says what is wrong.
 */
export async function followConnectionFile(options: FollowOptions): Promise<{ close(): Promise<void> }> {
  const { db, path, log, everyMs = 5_000, ...given } = options;
  const apply = async () => {
    const applied = await applyConnectionFile(db, path, { ...given, at: new Date() });
    log.info({ path, ...applied }, 'connections to OPC-UA servers are as the file says');
  };
  let known = await describe(path);
  await apply();
  const closing = new AbortController();
  const following = (async () => {
    for (;;) {
      // Aborted: the file is followed no longer.
      await sleep(everyMs, undefined, { signal: closing.signal, ref: false }).catch(() => undefined);
      if (closing.signal.aborted) return;
      const now = await describe(path);
      if (now === known) continue;
      known = now;
      await apply().catch((error: unknown) =>
        log.error({ path, err: error }, 'OPCUA_FILE cannot be used; its connections stay as they are'),
      );
    }
  })();
  return {
    close: async () => {
      closing.abort();
      await following;
    },
  };
}

async function describe(path: string): Promise<string> {
  try {
    const { mtimeMs, size, ino } = await stat(path);
    return `${mtimeMs} ${size} ${ino}`;
  } catch (error) {
    return String((error as NodeJS.ErrnoException).code);
  }
}
