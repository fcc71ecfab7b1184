import { type ParseArgsOptionsConfig, parseArgs } from 'node:util';
import { suggest } from '../../rules/language/suggestion.ts';

/** What is wrong with the arguments of a command; whoever catches it shows the command's usage beside it. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** The option that most commands share: where the rules are. */
export const rulesOption = { rules: { type: 'string', default: process.env.RULES_DIR || './rules' } } as const;

/** What a command is called with, on the command line. */
export type CommandLine = { readonly argv: string[]; readonly takesPaths?: boolean };

/** The options of a command and, where it takes some, its paths. Throws UsageError, which names what is not known. */
export function readOptions<const Options extends ParseArgsOptionsConfig>(
  { argv, takesPaths = false }: CommandLine,
  options: Options,
) {
  try {
    const { values, positionals } = parseArgs({ args: argv, options, allowPositionals: takesPaths });
    return { ...values, paths: positionals };
  } catch (cause) {
    throw new UsageError(explain(cause as Error, Object.keys(options)), { cause });
  }
}

/** The value of an option that a command cannot do without. */
export function required(name: string, value: string | undefined): string {
  if (value === undefined || value === '') throw new UsageError(`--${name} is missing`);
  return value;
}

function explain({ message }: Error, known: string[]): string {
  const [, unknown] = /Unknown option '-{1,2}([^']*)'/.exec(message) ?? [];
  const [, empty] = /Option '-{1,2}([\w-]+).*' argument (?:missing|is ambiguous)/.exec(message) ?? [];
  if (empty !== undefined) return `--${empty} needs a value`;
  if (unknown === undefined) return message.replace(/\.? To specify .*/s, '');
  const near = suggest(unknown, known);
  return `there is no option --${unknown}${near === undefined ? '' : `; ${near.replace("'", "'--")}`}`;
}
