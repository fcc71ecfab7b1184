import { z } from 'zod';

/**
 * Every setting of the program: its environment variable, what it may be, what it is when absent, and what it is for.
 * The README's table of settings is compared with this list by a test.
 */
const port = z
  .string()
  .regex(/^\d{1,5}$/)
  .transform(Number)
  .pipe(z.number().max(65_535));
const roleNames = ['ingest', 'rules', 'api', 'jobs'] as const;

const durationMsMax = 24 * 3_600_000;

/** `10s`, `250ms`, `1m`, `2h`, as milliseconds; a day at most. */
const duration = z
  .string()
  .regex(/^\d+(\.\d+)?(ms|s|m|h|d)$/)
  .transform(durationMs)
  .refine((ms) => ms > 0 && ms <= durationMsMax);

const optionalText = z
  .string()
  .optional()
  .transform((text) => (text === '' ? undefined : text));

type Setting = { readonly schema: z.ZodType; readonly default?: string; readonly mayBe: string; readonly for: string };

export const settings = {
  HOST: {
    schema: z.string().min(1),
    default: '127.0.0.1',
    mayBe: 'an address to listen on',
    for: 'where the doors listen; `0.0.0.0` opens them to the network',
  },
  HTTP_PORT: { schema: port, default: '3000', mayBe: 'a port from 0 (any free one) to 65535', for: 'the API' },
  MQTT_PORT: { schema: port, default: '1883', mayBe: 'a port from 0 (any free one) to 65535', for: 'the MQTT broker' },
  DATABASE_URL: {
    schema: optionalText.pipe(z.url({ protocol: /^postgres(ql)?$/ }).optional()),
    mayBe: 'postgresql://user:password@host:port/database',
    for: 'PostgreSQL or TimescaleDB; absent: a server of its own under DATA_DIR',
  },
  REDIS_URL: {
    schema: optionalText.pipe(z.url({ protocol: /^rediss?$/ }).optional()),
    mayBe: 'redis://host:port',
    for: 'jobs on Redis; absent: jobs in PostgreSQL',
  },
  DATA_DIR: {
    schema: z.string().min(1),
    default: './data',
    mayBe: 'a folder',
    for: 'everything that the program keeps outside the database',
  },
  RULES_DIR: { schema: z.string().min(1), default: './rules', mayBe: 'a folder', for: 'the rule files' },
  TICK: {
    schema: duration,
    default: '10s',
    mayBe: 'a duration such as 10s or 1m',
    for: 'the base tick of rule evaluation',
  },
  GRACE: {
    schema: duration,
    default: '5s',
    mayBe: 'a duration such as 5s',
    for: 'how long after a tick its readings may still arrive',
  },
  TIME_SCALE: {
    // A scaled minute is a whole number of milliseconds, and ticks fall on it.
    schema: z.coerce
      .number()
      .int()
      .min(1)
      .max(600)
      .refine((scale) => 60_000 % scale === 0),
    default: '1',
    mayBe: 'a whole number from 1 to 600 that divides 60000, such as 1, 10, 60 or 600',
    for: 'demonstrations: divides every duration of rules and ticks',
  },
  ROLES: {
    schema: z
      .string()
      .transform((text) => text.split(',').map((role) => role.trim()))
      .pipe(z.array(z.enum(roleNames)).min(1)),
    default: roleNames.join(','),
    mayBe: `a list of ${roleNames.join(', ')}`,
    for: 'what this process does: `ingest` takes MQTT, `rules` evaluates, `api` answers HTTP, `jobs` forgets what is too old',
  },
  LOG_LEVEL: {
    schema: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']),
    default: 'info',
    mayBe: 'fatal, error, warn, info, debug, trace or silent',
    for: 'how much is logged, to standard error',
  },
  PUBLIC_URL: {
    schema: optionalText.pipe(z.url({ protocol: /^https?$/ }).optional()),
    mayBe: 'an http or https URL',
    for: 'how people reach the API, for links; absent: where it listens',
  },
  SECRET: {
    schema: optionalText.pipe(z.string().min(32).optional()),
    mayBe: 'at least 32 characters',
    for: 'signs cursors; absent: made once and kept under DATA_DIR',
  },
  BOOTSTRAP_API_KEY: {
    schema: optionalText.pipe(z.string().min(16).optional()),
    mayBe: 'at least 16 characters',
    for: 'the first API key; absent: one is made and printed once',
  },
  BOOTSTRAP_MQTT_USERNAME: {
    schema: optionalText.pipe(z.string().min(1).max(128).optional()),
    mayBe: '1 to 128 characters',
    for: 'the first device; absent: `gateway`',
  },
  BOOTSTRAP_MQTT_PASSWORD: {
    schema: optionalText.pipe(z.string().min(8).optional()),
    mayBe: 'at least 8 characters',
    for: 'its password; absent: one is made and printed once',
  },
} satisfies Record<string, Setting>;

type Name = keyof typeof settings;
export type Config = { readonly [K in Name]: z.output<(typeof settings)[K]['schema']> };

/** A setting that is wrong: one line that names it, what it is, and what it may be. Secrets are not repeated. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/** Reads all settings from `env` once; throws ConfigError for the first wrong one. An empty variable counts as absent. */
export function readConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const entries = (Object.entries(settings) as [Name, Setting][]).map(([name, setting]) => {
    const given = env[name] === '' ? undefined : env[name];
    const parsed = setting.schema.safeParse(given ?? setting.default);
    if (parsed.success) return [name, parsed.data];
    const secret = /KEY|PASSWORD|SECRET|_URL$/.test(name) && name !== 'PUBLIC_URL';
    const shown = secret ? '' : ` is ${JSON.stringify(given)}, and`;
    throw new ConfigError(`${name}${shown} must be ${setting.mayBe}`);
  });
  return Object.fromEntries(entries) as Config;
}

function durationMs(text: string): number {
  const units: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
  const [, amount = '', unit = ''] = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text) ?? [];
  return Number(amount) * (units[unit] ?? Number.NaN);
}
