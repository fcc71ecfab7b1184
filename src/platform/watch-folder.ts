/**
 * Looks at a folder every so often and tells when its files have changed and then stood still. Looking works where events of
 * the file system do not come: network drives, folders mounted into containers.
 *
 *   look ─▶ as before ─▶ look …
 *     └──▶ different ─▶ look ─▶ different again: it is still being written, for so many looks
 *                         └──▶ the same twice ─▶ onChanged
 */
import { listFiles } from './list-files.ts';

export type Watching = {
  readonly everyMs: number;
  /** Awaited before the next look. When it throws, `onError` is told, and the same change is told again at the next look. */
  readonly onChanged: () => Promise<void>;
  /** Told once of each failure in a row: a folder that cannot be read, say. */
  readonly onError: (error: unknown) => void;
};

export type Watch = { close(): Promise<void> };

/** A file that never stands still holds up the changes of others for so many looks. */
const restlessLooksMax = 30;

/** Watches a folder and all below it, beginning with its present state. Never rejects; `close` waits for what is running. */
export async function watchFolder(path: string, { everyMs, onChanged, onError }: Watching): Promise<Watch> {
  let known = await describeFolder(path).catch(() => undefined);
  let latest = known;
  let restlessLooks = 0;
  let trouble: string | undefined;
  let isClosed = false;
  let running = Promise.resolve();
  let timer = setTimeout(next, everyMs);
  return {
    close: async () => {
      isClosed = true;
      clearTimeout(timer);
      await running;
    },
  };

  function next(): void {
    running = look().then(() => {
      if (!isClosed) timer = setTimeout(next, everyMs);
    });
  }

  async function look(): Promise<void> {
    try {
      const now = await describeFolder(path);
      restlessLooks = now === latest ? 0 : restlessLooks + 1;
      latest = now;
      if (now !== known && restlessLooks % restlessLooksMax === 0) {
        await onChanged();
        known = now;
      }
      trouble = undefined;
    } catch (error) {
      const message = String(error);
      if (message !== trouble) onError(error);
      trouble = message;
    }
  }
}

/** The names, sizes and times of all files of a folder: another text when any of them has changed. */
async function describeFolder(path: string): Promise<string> {
  const files = await listFiles(path);
  return files
    .map(({ name, size, mtimeMs, ino, trouble }) => `${name} ${trouble ?? `${size} ${mtimeMs} ${ino}`}`)
    .join('\n');
}
