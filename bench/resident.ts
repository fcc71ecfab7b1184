/** The resident memory of another process, once a second, with the phase in which it was measured. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

export type Phase = { readonly name: string; readonly samplesMb: number[] };

export type ResidentSampler = {
  /** What is measured from now on belongs to another phase. */
  enter(name: string): void;
  phases(): readonly Phase[];
  stop(): void;
};

const sampleMs = 1_000;

/** Starts measuring the process, until it is stopped. */
export function sampleResident(pid: number): ResidentSampler {
  const phases: Phase[] = [];
  const sample = () => phases.at(-1)?.samplesMb.push(residentMb(pid));
  const timer = setInterval(sample, sampleMs);
  return {
    enter: (name) => {
      phases.push({ name, samplesMb: [] });
      sample();
    },
    phases: () => phases,
    stop: () => clearInterval(timer),
  };
}

/** A curve of one line: a character a sample, or the highest of several where there are more than `widthMax`. */
export function sparkline(
  samples: readonly number[],
  { highest, widthMax }: { highest: number; widthMax: number },
): string {
  const bars = '▁▂▃▄▅▆▇█';
  const perBar = Math.max(1, Math.ceil(samples.length / widthMax));
  let line = '';
  for (let i = 0; i < samples.length; i += perBar) {
    const value = Math.max(...samples.slice(i, i + perBar));
    line += bars[Math.min(bars.length - 1, Math.floor((value / highest) * bars.length))];
  }
  return line;
}

export function residentMb(pid: number): number {
  const kilobytes =
    process.platform === 'linux'
      ? /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
      : execFileSync('ps', ['-o', 'rss=', '-p', String(pid)], { encoding: 'utf8' }).trim();
  return Math.round(Number(kilobytes) / 1_024);
}
