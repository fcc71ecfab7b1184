/** Whoever ends a benchmark gets back what it has taken: its server stops and its folder goes, and the process ends as it was told to. */

/** Does work once when the process is told to end, and ends it then; calling what is returned takes that back. */
export function onEnd(work: () => Promise<void>): () => void {
  const end = (signal: NodeJS.Signals) => {
    const code = signal === 'SIGINT' ? 130 : 143;
    // What is under way fails once its server is gone, and nobody needs to hear of that.
    process.on('uncaughtException', () => undefined);
    work().then(
      () => process.exit(code),
      (error: unknown) => {
        process.stderr.write(`${error}\n`);
        process.exit(code);
      },
    );
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.once(signal, end);
  return () => {
    for (const signal of signals) process.off(signal, end);
  };
}
