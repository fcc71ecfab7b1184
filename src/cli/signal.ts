/** Supervisors signal a whole group of processes, and npm passes on what it gets: those are one request to stop. */
const sameRequestMs = 1_000;

/** Resolves with the first SIGTERM or SIGINT; another one, more than a second later, ends the process at once. */
export async function waitForSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let firstAt: number | undefined;
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.on(signal, () => {
        const now = performance.now();
        if (firstAt !== undefined && now - firstAt > sameRequestMs) process.exit(1);
        firstAt ??= now;
        resolve(signal);
      });
    }
  });
}

/** Does work that ends early once SIGTERM or SIGINT asks for it; the same one again ends the process at once. */
export async function untilSignal<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const stopping = new AbortController();
  const stop = () => stopping.abort();
  process.once('SIGINT', stop).once('SIGTERM', stop);
  try {
    return await work(stopping.signal);
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop);
  }
}
