import { z } from 'zod';
import { bootstrapSettings } from './bootstrap-settings.ts';
import { fileSettings } from './file-settings.ts';
import { httpSettings } from './http-settings.ts';
import { keptDaysForm } from './kept-days.ts';
import { aPort, bytes, connections, duration, keptDays, optionalText, port } from './setting-forms.ts';

const roleNames = ['ingest', 'rules', 'api', 'jobs'] as const;

type Setting = {
  readonly schema: z.ZodType;
  readonly default?: string;
  /** Its default where another setting is given. */
  readonly besideAnother?: Readonly<Record<string, string>>;
  readonly mayBe: string;
  readonly for: string;
};

/**
 * Every setting of the program: its environment variable, what it may be, what it is when absent, and what it is for.
 * The README's table of settings is compared with this list by a test.
 */
export const settings = {
  HOST: {
    schema: z.string().min(1),
    default: '127.0.0.1',
    mayBe: 'an address to listen on',
    for: 'where the doors listen; `0.0.0.0` opens them to the network',
  },
  HTTP_PORT: { schema: port, default: '3000', mayBe: aPort, for: 'the API' },
  MQTT_PORT: {
    schema: z
      .literal('off')
      .transform(() => undefined)
      .or(port),
    default: '1883',
    // Who has a broker asks for no other, and it may well have this port.
    besideAnother: { MQTT_URL: 'off' },
    mayBe: 'a port from 0 (any free one) to 65535, or off',
    for: 'the MQTT broker; `off`, also when MQTT_URL is set and this is not: no broker of our own',
  },
  MQTT_TLS_PORT: { schema: port.optional(), mayBe: aPort, for: 'the MQTT broker over TLS (usually 8883); absent: not' },
  MQTT_TLS_CERT: {
    schema: optionalText,
    mayBe: 'a PEM file',
    for: 'the certificate for MQTT_TLS_PORT and MQTT_WSS_PORT, with its chain; read again when it changes',
  },
  MQTT_TLS_KEY: { schema: optionalText, mayBe: 'a PEM file', for: 'the key of MQTT_TLS_CERT' },
  MQTT_TLS_CLIENT_CA: {
    schema: optionalText,
    mayBe: 'a PEM file',
    for: 'who signs the certificates of devices; absent: devices are not asked for one',
  },
  MQTT_TLS_CLIENT_CERT: {
    schema: z.enum(['optional', 'required']),
    default: 'optional',
    mayBe: 'optional or required',
    for: 'with MQTT_TLS_CLIENT_CA, whether a device may also come without a certificate, by its password',
  },
  MQTT_WS_PORT: { schema: port.optional(), mayBe: aPort, for: 'the MQTT broker over WebSockets; absent: not' },
  MQTT_WSS_PORT: {
    schema: port.optional(),
    mayBe: aPort,
    for: 'the MQTT broker over WebSockets over TLS; absent: not',
  },
  MQTT_WS_ORIGINS: {
    schema: optionalText.transform((text) => text?.split(',').map((origin) => origin.trim()) ?? []),
    mayBe: 'a list such as https://app.example.com, or `*` for any',
    for: 'web pages that may connect by WebSocket; absent: those of the same host, and whatever is no web page',
  },
  MQTT_CONNECTIONS_MAX: {
    schema: connections,
    default: '20000',
    mayBe: 'a number from 1 to 1000000',
    for: 'devices that are connected at the same time, whichever way',
  },
  MQTT_ADDRESS_CONNECTIONS_MAX: {
    schema: connections,
    default: '10000',
    mayBe: 'a number from 1 to 1000000',
    for: 'those of one IPv4 address or IPv6 /64, behind which a whole plant or a proxy may be',
  },
  MQTT_URL: {
    schema: optionalText.pipe(z.url({ protocol: /^(mqtts?|wss?)$/ }).optional()),
    mayBe: 'mqtt, mqtts, ws or wss://user:password@host:port',
    for: 'an external broker, or a cluster of them, to take messages from; absent: none',
  },
  MQTT_VERSION: {
    schema: z.enum(['5', '3.1.1']).optional(),
    mayBe: '5 or 3.1.1',
    for: 'the version of MQTT spoken to MQTT_URL; absent: 5, or else 3.1.1',
  },
  MQTT_GROUP: {
    schema: z.string().regex(/^[\w.-]{1,64}$/),
    default: 'faultline',
    mayBe: '1 to 64 letters, digits, `_`, `-` or `.`',
    for: 'the shared subscription at MQTT_URL, `$share/{group}/…`: processes of one group share its messages',
  },
  MQTT_DEVICE: {
    schema: optionalText.pipe(z.string().min(1).max(128).optional()),
    mayBe: '1 to 128 characters',
    for: 'the user name of the device whose tenant the messages of MQTT_URL belong to, and whose grants are subscribed to; absent: the first device',
  },
  MQTT_URL_CA: {
    schema: optionalText,
    mayBe: 'a PEM file',
    for: 'who signed the certificate of MQTT_URL; absent: the public authorities',
  },
  MQTT_URL_CERT: {
    schema: optionalText,
    mayBe: 'a PEM file',
    for: 'our certificate for MQTT_URL, where the broker asks for one',
  },
  MQTT_URL_KEY: { schema: optionalText, mayBe: 'a PEM file', for: 'the key of MQTT_URL_CERT' },
  SPARKPLUG_HOST_ID: {
    schema: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/),
    default: 'faultline',
    mayBe: '1 to 64 letters, digits, `_`, `-` or `.`',
    for: 'the name of this host application of Sparkplug B: its state is under `spBv1.0/STATE/{host}`',
  },
  SPARKPLUG_REORDER: {
    schema: duration.refine((ms) => ms <= 60_000),
    default: '2.5s',
    mayBe: 'a duration up to 60s',
    for: 'how long a message of an edge node waits for those before it; then the node is asked for its births',
  },
  OPCUA_FILE: {
    schema: optionalText,
    mayBe: 'a YAML file',
    for: 'connections to OPC-UA servers beside those that are made by API; read again when it changes',
  },
  DATABASE_URL: {
    schema: optionalText.pipe(z.url({ protocol: /^postgres(ql)?$/ }).optional()),
    mayBe: 'postgresql://user:password@host:port/database',
    for: 'PostgreSQL or TimescaleDB; absent: a server of its own under DATA_DIR',
  },
  REDIS_URL: {
    schema: optionalText.pipe(z.url({ protocol: /^rediss?$/ }).optional()),
    mayBe: 'redis://host:port',
    for: 'jobs on Redis, and requests of all processes counted together; absent: jobs in PostgreSQL',
  },
  DATA_DIR: {
    schema: z.string().min(1),
    default: './data',
    mayBe: 'a folder',
    for: 'everything that the program keeps outside the database',
  },
  SPOOL_BYTES_MAX: {
    schema: bytes,
    default: '1GB',
    mayBe: 'a size from 1MB, such as 500MB or 2GB',
    for: 'how much of DATA_DIR messages may take that nobody sends again, while the database is away; beyond it they are dropped',
  },
  SHED_AFTER: {
    schema: duration,
    default: '60s',
    mayBe: 'a duration such as 60s or 5m',
    for: 'after so long without a commit devices that wait for one are closed, some at a time, and nobody is let in',
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
  RETAIN_RAW: {
    schema: keptDays,
    default: '400d',
    mayBe: keptDaysForm,
    for: 'how long readings are kept as they came, where no policy of a tenant says otherwise',
  },
  RETAIN_MINUTES: { schema: keptDays, default: '3y', mayBe: keptDaysForm, for: 'the same of the roll-ups by minute' },
  RETAIN_QUARTER_HOURS: {
    schema: keptDays,
    default: '10y',
    mayBe: keptDaysForm,
    for: 'the same of the roll-ups by 15 minutes',
  },
  RETAIN_HOURS: {
    schema: keptDays,
    default: 'forever',
    mayBe: keptDaysForm,
    for: 'the same of the roll-ups by hour; those by day are kept for ever',
  },
  COMPRESS_AFTER: {
    schema: keptDays,
    default: '7d',
    mayBe: keptDaysForm,
    for: 'how long after its last day a chunk is compressed, or a native partition put in the order of its points; `forever`: never',
  },
  ROLES: {
    schema: z
      .string()
      .transform((text) => text.split(',').map((role) => role.trim()))
      .pipe(z.array(z.enum(roleNames)).min(1)),
    default: roleNames.join(','),
    mayBe: `a list of ${roleNames.join(', ')}`,
    for: 'what this process does: `ingest` takes MQTT, `rules` evaluates, `api` answers HTTP, `jobs` rolls up, and forgets what is too old',
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
    for: 'signs cursors and seals the secrets of OPC-UA connections, the keys of access tokens, and answers that are kept for requests that come again; absent: made once and kept under DATA_DIR',
  },
  ...fileSettings,
  ...httpSettings,
  ...bootstrapSettings,
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
    const [, beside] = Object.entries(setting.besideAnother ?? {}).find(([another]) => env[another]) ?? [];
    const parsed = setting.schema.safeParse(given ?? beside ?? setting.default);
    if (parsed.success) return [name, parsed.data];
    const secret = /KEY|PASSWORD|SECRET|_URL$/.test(name) && name !== 'PUBLIC_URL';
    const shown = secret ? '' : ` is ${JSON.stringify(given)}, and`;
    throw new ConfigError(`${name}${shown} must be ${setting.mayBe}`);
  });
  return Object.fromEntries(entries) as Config;
}
