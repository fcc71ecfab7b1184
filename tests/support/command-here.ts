/** A command of the `faultline` executable in the process of the test, which saves the second that a process takes to start. */
import { vi } from 'vitest';

export type Printed = { readonly code: number; readonly output: string; readonly errors: string };

/** Runs a command with these settings; keeps what it prints, and rejects with what it throws. */
export async function runHere(command: () => Promise<number>, settings: Record<string, string>): Promise<Printed> {
  const printed = { output: '', errors: '' };
  const keep = (stream: NodeJS.WriteStream, name: keyof typeof printed) =>
    vi.spyOn(stream, 'write').mockImplementation((text) => {
      printed[name] += String(text);
      return true;
    });
  const kept = [keep(process.stdout, 'output'), keep(process.stderr, 'errors')];
  for (const [name, value] of Object.entries(settings)) vi.stubEnv(name, value);
  try {
    const code = await command();
    return { code, ...printed };
  } finally {
    for (const one of kept) one.mockRestore();
    vi.unstubAllEnvs();
  }
}
