/** Families of assets, shared out among threads: each takes the next one when it has done its last. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { FamilyFindings, FamilyJob } from './family-back-test.ts';

/** What a thread works with: the database, and the rule sets as text, since functions cannot be sent. */
export type ThreadData = {
  readonly url: string;
  readonly ruleSets: readonly {
    readonly texts: readonly { file: string; text: string }[];
    readonly timeScale: number;
    /** The one rule that is asked about; absent: all. */
    readonly ruleId: string | undefined;
  }[];
};

/** The findings of each job, in their order, from so many threads. Throws what the first thread to fail has thrown. */
export async function backTestInThreads(
  jobs: readonly FamilyJob[],
  data: ThreadData,
  threadCount: number,
): Promise<FamilyFindings[]> {
  const findings: FamilyFindings[] = [];
  let next = 0;
  const work = async () => {
    const thread = new Worker(new URL('./back-test-worker.ts', import.meta.url), { workerData: data });
    try {
      for (let place = next++; place < jobs.length; place = next++) {
        thread.postMessage(jobs[place]);
        const [done] = (await once(thread, 'message')) as [FamilyFindings];
        findings[place] = done;
      }
      const ended = once(thread, 'exit');
      thread.postMessage('end');
      await ended;
    } finally {
      next = jobs.length;
      await thread.terminate();
    }
  };
  const ends = await Promise.allSettled(Array.from({ length: threadCount }, work));
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
  return findings;
}
