/**
 * The lock of a DATA_DIR: a file that names the process to whom the folder belongs, so that two programs never run the
 * same PostgreSQL.
 *
 *   free ──link──▶ held ──release──▶ free
 *                   │ its process died
 *                   ▼
 *                 stale ──moved aside by the next──▶ free
 *
 * The file appears by link(2) with its content in it, so nobody reads half of it. A process id is given again and again,
 * so its start is noted beside it where the system tells one.
 */
import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { newId } from './id.ts';

export type DataDirLock = { release(): Promise<void> };

/**
 * Takes the lock of `dataDir`, which is made when it is absent, over a stale one, too. Throws when the process that has
 * it lives, naming the folder and that process.
 */
export async function lockDataDir(dataDir: string): Promise<DataDirLock> {
  await mkdir(dataDir, { recursive: true });
  const file = join(dataDir, 'lock');
  const own = `${process.pid}\n${(await findStart(process.pid)) ?? ''}\n`;
  const aside = `${file}-${newId()}`;
  await writeFile(aside, own);
  try {
    while (!(await tryLink(aside, file))) await clearStale({ file, aside, dataDir });
  } finally {
    await rm(aside, { force: true });
  }
  let isHeld = true;
  return {
    release: async () => {
      if (isHeld) await rm(file, { force: true });
      isHeld = false;
    },
  };
}

async function tryLink(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/**
 * Removes a stale lock. One taker at a time does so, or the second would remove what the first has just taken: a file
 * beside the lock says whose turn it is.
 */
async function clearStale({ file, aside, dataDir }: { file: string; aside: string; dataDir: string }): Promise<void> {
  const pid = await findOwner(file);
  if (pid !== undefined) {
    throw new Error(
      `DATA_DIR ${resolve(dataDir)} is in use by another Faultline, process ${pid}: stop that one, or set DATA_DIR to another folder`,
    );
  }
  const turn = `${file}-turn`;
  if (!(await tryLink(aside, turn))) {
    if ((await findOwner(turn)) === undefined) await rm(turn, { force: true });
    await sleep(10);
    return;
  }
  try {
    if ((await findOwner(file)) === undefined) await rm(file, { force: true });
  } finally {
    await rm(turn, { force: true });
  }
}

/** The living process that a lock file names. */
async function findOwner(file: string): Promise<number | undefined> {
  const [pid = '', start = ''] = ((await findText(file)) ?? '').split('\n');
  return (await isAlive(Number(pid), start)) ? Number(pid) : undefined;
}

async function isAlive(pid: number, start: string): Promise<boolean> {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  const found = await findStart(pid);
  return found === undefined || start === '' || found === start;
}

/** When a process started, as Linux tells it: the boot and the clock ticks since (proc_pid_stat(5), field 22). */
async function findStart(pid: number): Promise<string | undefined> {
  const stat = await findText(`/proc/${pid}/stat`);
  const boot = await findText('/proc/sys/kernel/random/boot_id');
  if (stat === undefined || boot === undefined) return undefined;
  // The second field is a name in parentheses that may itself hold spaces and parentheses.
  const [state = '', ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return state === 'Z' ? 'ended' : `${boot.trim()} ${fields[18]}`;
}

async function findText(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ESRCH') return undefined;
    throw error;
  }
}
