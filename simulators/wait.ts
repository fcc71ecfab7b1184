/** Resolves true after `waitMs`, or false as soon as the signal aborts. */
export function waited(waitMs: number, signal: AbortSignal): Promise<boolean> {
  if (signal.aborted) return Promise.resolve(false);
  return new Promise((resolve) => {
    const timer = setTimeout(() => finish(true), waitMs);
    const stop = () => finish(false);
    signal.addEventListener('abort', stop);
    function finish(complete: boolean): void {
      clearTimeout(timer);
      signal.removeEventListener('abort', stop);
      resolve(complete);
    }
  });
}
