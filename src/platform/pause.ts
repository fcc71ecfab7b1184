import { setTimeout as sleep } from 'node:timers/promises';

/** Waits so long, or until the signal is aborted, whichever comes first; never rejects. */
export async function pause(waitMs: number, signal: AbortSignal): Promise<void> {
  await sleep(waitMs, undefined, { signal }).catch(() => undefined); // Aborted: the wait is over.
}
