/** The commands for whoever writes rules, `npm run rules -- check` and so on: each in a file of its own under rules/. */
import { fileJsonSchema, fileKinds } from '../rules/language/rule-file.ts';
import { suggest } from '../rules/language/suggestion.ts';
import { backTestUsage, runBackTest } from './rules/back-test.ts';
import { bindUsage, runBind } from './rules/bind.ts';
import { checkUsage, runCheck } from './rules/check.ts';
import { fitUsage, runFit } from './rules/fit.ts';
import { UsageError } from './rules/options.ts';
import { print } from './rules/print.ts';
import { runTests, testUsage } from './rules/test-files.ts';

const schemaUsage = `rules schema [${fileKinds.join(' | ')}]
  The JSON Schema of rule files, or of another kind of file, for completion in editors.`;

type Command = { readonly run: (argv: string[]) => Promise<number>; readonly usage: string };

const commands: Record<string, Command> = {
  check: { run: runCheck, usage: checkUsage },
  test: { run: runTests, usage: testUsage },
  bind: { run: runBind, usage: bindUsage },
  backtest: { run: runBackTest, usage: backTestUsage },
  fit: { run: runFit, usage: fitUsage },
  schema: { run: runSchema, usage: schemaUsage },
};

/** Runs one rules command and returns the exit code: 0 fine, 1 mistakes found, 2 not understood or not possible. */
export async function runRules(argv: string[]): Promise<number> {
  const [name = '', ...rest] = argv;
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (!command) return tellCommands(name);
  if (rest.includes('--help')) {
    print(command.usage);
    return 0;
  }
  try {
    return await command.run(rest);
  } catch (error) {
    const usage = error instanceof UsageError ? `\n${command.usage}` : '';
    process.stderr.write(`rules ${name}: ${explain(error)}${usage}\n`);
    return 2;
  }
}

async function runSchema([wanted = 'rule', ...rest]: string[]): Promise<number> {
  const kind = fileKinds.find((one) => one === wanted);
  if (!kind || rest.length > 0)
    throw new UsageError(`there is a schema for ${fileKinds.join(', ')}, not for '${wanted}'`);
  print(JSON.stringify(fileJsonSchema(kind), null, 2));
  return 0;
}

function tellCommands(name: string): number {
  const usage = Object.values(commands)
    .map(({ usage }) => usage)
    .join('\n\n');
  if (name === '--help') {
    print(usage);
    return 0;
  }
  const near = suggest(name, Object.keys(commands));
  const wrong = name === '' ? '' : `rules: there is no command '${name}'${near === undefined ? '' : `; ${near}`}\n\n`;
  process.stderr.write(`${wrong}${usage}\n`);
  return 2;
}

/** What went wrong and what caused it, a line each. */
function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const lines = [error.message];
  for (let { cause } = error; cause instanceof Error; cause = cause.cause) {
    if (!(error instanceof UsageError) && !lines.join('\n').includes(cause.message))
      lines.push(`  because: ${cause.message}`);
  }
  return lines.join('\n');
}
