/** The processor time that other processes have taken, in milliseconds. Linux only, by its ticks of a hundredth of a second. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const msPerTick = 10;

export function processorMs(pid: number): number {
  const { ticks } = statOf(pid);
  return ticks * msPerTick;
}

/** Of a PostgreSQL in that folder: its postmaster, and the backends that it has now and has had. */
export function databaseMs(dataDir: string): number {
  const postmaster = Number(readFileSync(join(dataDir, 'postgres/postmaster.pid'), 'utf8').split('\n')[0]);
  const backends = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => statOf(Number(name)))
    .filter(({ parent }) => parent === postmaster);
  const { ticks, ended } = statOf(postmaster);
  return backends.reduce((sum, backend) => sum + backend.ticks, ticks + ended) * msPerTick;
}

function statOf(pid: number): { parent: number; ticks: number; ended: number } {
  let text = '';
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return { parent: 0, ticks: 0, ended: 0 }; // It has ended since it was listed.
  }
  // After the name, which may hold anything: proc(5), fields 4, 14 to 17.
  const fields = text
    .slice(text.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number);
  const [, parent = 0] = fields;
  const [user = 0, system = 0, endedUser = 0, endedSystem = 0] = fields.slice(11, 15);
  return { parent, ticks: user + system, ended: endedUser + endedSystem };
}
