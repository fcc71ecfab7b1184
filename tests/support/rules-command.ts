/** The rules command in a process of its own, as a person runs it, and the least rule and trend log to run it on. */
import { execFile } from 'node:child_process';

const command = new URL('../../src/cli/rules.ts', import.meta.url).href;

export const warmRule = `rule: warm
version: 1
title: Warm
applies_to: { class: brick:AHU }
inputs: { sat: { class: brick:Supply_Air_Temperature_Sensor, unit: degC } }
when: sat > 15
for: 2m
severity: info
category: fault
`;

/** Runs the command with the rules of a directory; never rejects, whatever the exit code. */
export function runRulesCommand(
  directory: string,
  args: readonly string[],
): Promise<{ code: number; output: string; errors: string }> {
  const script = `import { runRules } from ${JSON.stringify(command)}; process.exitCode = await runRules(${JSON.stringify([...args, '--rules', directory])});`;
  return new Promise((resolve) => {
    execFile(process.execPath, ['--input-type=module', '-e', script], (error, output, errors) => {
      resolve({ code: error ? Number(error.code) : 0, output, errors });
    });
  });
}
