#!/usr/bin/env node
/** The `faultline` executable: finds the command and turns its outcome into an exit code. */
import { ConfigError } from '../platform/config.ts';
import { runDemo } from './demo.ts';
import { runImport } from './import.ts';
import { runRules } from './rules.ts';
import { runStart } from './start.ts';
import { runStorage } from './storage.ts';
import { runTenants } from './tenants.ts';

const commands: Record<string, { run: (argv: string[]) => Promise<number>; does: string }> = {
  start: { run: runStart, does: 'run everything on this machine' },
  demo: { run: runDemo, does: 'run everything with a simulated plant, inject a fault and tell what happens' },
  rules: { run: runRules, does: 'check, test, bind, back-test and fit rule files' },
  import: { run: runImport, does: 'import a building model (Brick or Project Haystack), or a file of measurements' },
  tenants: { run: runTenants, does: 'list the tenants, and add one with its administrator' },
  storage: { run: runStorage, does: 'show stored telemetry and what would be dropped, and move it between engines' },
};

// Who reads the output may have read enough, as head has: the work then ends as it would have, unheard.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
}

const [name = '', ...argv] = process.argv.slice(2);
const command = commands[name];
if (command) {
  try {
    process.exitCode = await command.run(argv);
  } catch (error) {
    console.error(explain(error));
    process.exitCode = 1;
  }
} else {
  console.error(`usage: faultline <command>\n${listCommands()}`);
  process.exitCode = name === '--help' ? 0 : 2;
}

function listCommands(): string {
  return Object.entries(commands)
    .map(([command, { does }]) => `  ${command.padEnd(8)}${does}`)
    .join('\n');
}

/** What a person can act on: one line for a wrong setting, the chain of causes for anything else. */
function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error instanceof ConfigError) return error.message;
  const lines = [`faultline ${name}: ${error.message}`];
  for (let cause = error.cause; cause instanceof Error; cause = cause.cause) {
    if (!lines.join('\n').includes(cause.message)) lines.push(`  because: ${cause.message}`);
  }
  return lines.join('\n');
}
