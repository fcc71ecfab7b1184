/**
 * Under which user a PostgreSQL of our own runs. PostgreSQL refuses to run as root, so root hands it to the user
 * `postgres`, or `nobody` where there is none. A clone below a folder that only root may enter (/root, mktemp -d) would
 * be out of that user's reach: there the server keeps one capability, to look into folders, and nothing else of root's.
 */
import { execFileSync } from 'node:child_process';
import { readFile, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

export type Owner = {
  /** Who must own the data; absent when the program's own user will do. */
  readonly user?: { uid: number; gid: number };
  readonly spawn: { uid?: number; gid?: number };
  /** The command line that runs `binary` as this user. */
  command(binary: string): [string, ...string[]];
};

/** The user for a server whose data lie in `folder` and whose program is `binary`; throws, naming the folder in the way. */
export async function ownerOf(folder: string, binary: string): Promise<Owner> {
  if (process.getuid?.() !== 0) return { spawn: {}, command: (program) => [program] };
  const user = findUser('postgres') ?? findUser('nobody') ?? { uid: 65_534, gid: 65_534 };
  const closed = (await findClosedFolder(folder)) ?? (await findClosedFolder(binary));
  if (closed === undefined) return { user, spawn: user, command: (program) => [program] };
  const capability = await findLookCapability();
  if (capability === undefined) {
    throw new Error(
      `PostgreSQL may not run as root, and ${closed} lets nobody else in: set DATA_DIR and the program where other users may look, run as an ordinary user, or set DATABASE_URL`,
    );
  }
  const drop = ['--reuid', String(user.uid), '--regid', String(user.gid), '--clear-groups'];
  // access(2) asks for the real user and forgets capabilities unless no_setuid_fixup is set; PostgreSQL calls it on itself.
  const keep = [
    '--inh-caps',
    `-all,+${capability}`,
    '--ambient-caps',
    `-all,+${capability}`,
    '--securebits',
    '+no_setuid_fixup',
  ];
  return { user, spawn: {}, command: (program) => ['setpriv', ...drop, ...keep, program] };
}

function findUser(name: string): { uid: number; gid: number } | undefined {
  try {
    const read = (flag: string) => Number(execFileSync('id', [flag, name], { stdio: ['ignore', 'pipe', 'ignore'] }));
    return { uid: read('-u'), gid: read('-g') };
  } catch {
    return undefined; // id(1) exits 1 for a user that does not exist: the caller has the next candidate.
  }
}

/** The nearest folder on the way to `path` that others may not enter. */
async function findClosedFolder(path: string): Promise<string | undefined> {
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    const found = await stat(folder).catch(() => undefined); // Not made yet: it will be made open.
    if (found && (found.mode & 0o001) === 0) return folder;
    if (folder === dirname(folder)) return undefined;
  }
}

/** Capabilities 1 and 2 of capabilities(7); which of them root has here differs from container to container. */
async function findLookCapability(): Promise<string | undefined> {
  try {
    execFileSync('setpriv', ['--version'], { stdio: 'ignore' });
  } catch {
    return undefined; // Without util-linux there is no way to keep a capability across exec.
  }
  const status = await readFile('/proc/self/status', 'utf8');
  const held = BigInt(`0x${/CapEff:\s*([0-9a-f]+)/.exec(status)?.[1] ?? '0'}`);
  if (held & (1n << 2n)) return 'dac_read_search';
  if (held & (1n << 1n)) return 'dac_override';
  return undefined;
}
