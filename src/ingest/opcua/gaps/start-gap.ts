import type { FoundGap } from '../connection.ts';

/** What may be missing between the last commit of an earlier run and the first value of this one. */
export function createStartGap(throughMs: number | null, isResuming: boolean) {
  let fromMs = throughMs;
  return {
    isPending: () => fromMs !== null,
    resumed: (isWhole: boolean) => {
      if (isWhole) fromMs = null;
    },
    end: (publishedMs: number): FoundGap | undefined => {
      if (fromMs === null) return undefined;
      const began = fromMs;
      fromMs = null;
      // Of several subscriptions one may have been taken up: its first message is older than what was lost of the others.
      const isLater = isResuming || publishedMs <= began;
      const toMs = isLater ? Math.max(publishedMs, Date.now()) : publishedMs;
      return toMs > began ? { itemId: null, fromMs: began, toMs, reason: 'program_stopped' } : undefined;
    },
  };
}
