/**
 * Command-line options, strict and kind: an option nobody knows is an error that names it and lists those there are, and a
 * bad value says what would be right.
 */
import { parseArgs } from 'node:util';

/** What a person did wrong; its message is all that is shown. */
export class UsageError extends Error {}

export type OptionTable = Record<string, { type: 'string' | 'boolean'; short?: string; multiple?: boolean }>;

/** The options given, by name, each as a list of texts; boolean options hold 'true'. Throws a UsageError. */
export function readOptions(args: string[], options: OptionTable, positionalsMax: number) {
  const { tokens } = parseArgs({ args, options, allowPositionals: true, strict: false, tokens: true });
  const given = new Map<string, string[]>();
  const positionals: string[] = [];
  for (const token of tokens) {
    if (token.kind === 'positional') positionals.push(token.value);
    if (token.kind !== 'option') continue;
    const option = options[token.name];
    if (!option) throw new UsageError(`unknown option ${token.rawName}; there are ${listOptions(options)}`);
    if (option.type === 'boolean' && token.value !== undefined) {
      throw new UsageError(`${token.rawName} takes no value`);
    }
    // `--from --to x` would otherwise take the second option's name for a value.
    if (
      option.type === 'string' &&
      (token.value === undefined || (!token.inlineValue && token.value.startsWith('--')))
    ) {
      throw new UsageError(`${token.rawName} needs a value`);
    }
    const values = given.get(token.name) ?? [];
    if (values.length > 0 && !option.multiple) throw new UsageError(`${token.rawName} is given twice`);
    given.set(token.name, [...values, token.value ?? 'true']);
  }
  if (positionals.length > positionalsMax) {
    throw new UsageError(`unexpected argument ${JSON.stringify(positionals[positionalsMax])}`);
  }
  return {
    positionals,
    has: (name: string) => given.has(name),
    find: (name: string) => given.get(name)?.[0],
    list: (name: string) => given.get(name) ?? [],
  };
}

/** A number of a range; `undefined` when the option is absent. */
export function readNumber(
  name: string,
  text: string | undefined,
  range: { from: number; to: number; whole?: boolean },
): number | undefined {
  if (text === undefined) return undefined;
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (!(value >= range.from && value <= range.to) || (range.whole && !Number.isInteger(value))) {
    const kind = range.whole ? 'a whole number' : 'a number';
    throw new UsageError(`--${name} is ${kind} from ${range.from} to ${range.to}, not ${JSON.stringify(text)}`);
  }
  return value;
}

/** A duration such as 30s, 1m or 2h, in seconds. */
export function readDurationSeconds(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const [, amount, unit] = /^(\d+)(s|m|h)$/.exec(text) ?? [];
  const seconds = Number(amount) * (unit === 'h' ? 3600 : unit === 'm' ? 60 : 1);
  if (!(seconds > 0))
    throw new UsageError(`--${name} is a duration such as 30s, 1m or 2h, not ${JSON.stringify(text)}`);
  return seconds;
}

/** One of a list of words. */
export function readChoice<Choice extends string>(
  name: string,
  text: string | undefined,
  choices: readonly Choice[],
): Choice | undefined {
  if (text === undefined) return undefined;
  const choice = choices.find((candidate) => candidate === text);
  if (choice === undefined) {
    throw new UsageError(`--${name} is one of ${choices.join(', ')}, not ${JSON.stringify(text)}`);
  }
  return choice;
}

function listOptions(options: OptionTable): string {
  return Object.keys(options)
    .map((name) => `--${name}`)
    .join(', ');
}
