/**
 * How many requests may come in a minute. Two buckets, each of which counts by itself:
 *
 *   request ─▶ of its key, or of the person who has logged in: rate_limit_per_minute ─┐
 *          └─▶ of its address (of IPv6 the /64)                                       ├─▶ one is full: 429 for the rest of the minute
 *   measurements ─▶ of the key, a bucket of their own, instead of both ───────────────┘
 *
 * A key whose own limit is above that of addresses is held by its own alone, and counts for no address: behind one address there
 * may be others. A key without a limit is counted nowhere. Requests that name no valid key count for their address.
 * With Redis all processes count together; while it does not answer, nobody is held up.
 */
import rateLimit from '@fastify/rate-limit';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Redis } from 'ioredis';
import { callerIdOf } from '../access/api-key.ts';
import type { Log } from '../platform/log.ts';
import { refusals } from '../platform/refusals.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** It takes measurements, of which more come than of anything else. */
    isIngest?: boolean;
  }
}

export type RateLimits = {
  /** Requests a minute of one address; null: any number. */
  readonly addressPerMinute: number | null;
  /** Requests a minute of one key that bring measurements; null: any number. */
  readonly ingestPerMinute: number | null;
  /** Where all processes count together; absent: each by itself. */
  readonly redisUrl?: string | undefined;
};

/** Counts a request and tells its client in header fields what is left. Throws rate_limited where nothing is. */
export type CountRequest = (request: FastifyRequest, reply: FastifyReply) => Promise<void>;

type Bucket = 'key' | 'address' | 'ingest';
type State = { readonly bucket: Bucket; readonly max: number; readonly remaining: number; readonly resetMs: number };

const windowMs = 60_000;
/** In memory, of the keys and addresses that were seen last. */
const bucketsMax = 50_000;

/** Counts requests to routes of `app`; call it before they are added. Without limits only keys are held to their own. */
export function createRateLimits(
  app: FastifyInstance,
  { addressPerMinute = null, ingestPerMinute = null, redisUrl }: Partial<RateLimits>,
  log: Log,
): CountRequest {
  const redis = redisUrl === undefined ? undefined : openRedis(redisUrl, log);
  if (redis) app.addHook('onClose', async () => redis.disconnect());
  const counting = { global: false, timeWindow: windowMs, cache: bucketsMax, skipOnError: true };
  app.register(rateLimit, { ...counting, ...(redis && { redis, nameSpace: 'faultline-requests-' }) });
  const counters = new Map<Bucket, ReturnType<FastifyInstance['createRateLimit']>>();
  void app.after(() => {
    const add = (
      bucket: Bucket,
      nameOf: (request: FastifyRequest) => string,
      max: (request: FastifyRequest) => number,
    ) => counters.set(bucket, app.createRateLimit({ keyGenerator: (request) => `${bucket} ${nameOf(request)}`, max }));
    add('key', holderOf, ({ area }) => area.caller.rateLimitPerMinute ?? Number.POSITIVE_INFINITY);
    add(
      'address',
      ({ ip }) => rateLimit.normalizeIP(ip),
      () => addressPerMinute ?? Number.POSITIVE_INFINITY,
    );
    add('ingest', holderOf, () => ingestPerMinute ?? Number.POSITIVE_INFINITY);
  });
  const bucketsOf = (request: FastifyRequest): Bucket[] => {
    const own = (request.area as FastifyRequest['area'] | undefined)?.caller.rateLimitPerMinute;
    if (own === null) return [];
    if (request.routeOptions.config.isIngest && own !== undefined) return ingestPerMinute === null ? [] : ['ingest'];
    const isAddressHeld = addressPerMinute !== null && (own ?? 0) <= addressPerMinute;
    return [...(own === undefined ? [] : (['key'] as const)), ...(isAddressHeld ? (['address'] as const) : [])];
  };
  return async (request, reply) => {
    const states: (State & { readonly isFull: boolean })[] = [];
    for (const bucket of bucketsOf(request)) {
      const counted = await counters.get(bucket)?.(request);
      if (counted === undefined || counted.isAllowed) continue;
      const { max, remaining, ttl: resetMs, isExceeded: isFull } = counted;
      states.push({ bucket, max, remaining, resetMs, isFull });
    }
    if (states.length === 0) return;
    reply.headers(headersOf(states));
    const full = states.filter(({ isFull }) => isFull);
    if (full.length > 0) throw refusals.rateLimited(Math.max(...full.map(({ resetMs }) => resetMs)));
  };
}

/** A person is one holder, however often logged in. */
function holderOf({ area: { caller } }: FastifyRequest): string {
  return callerIdOf(caller);
}

/** Those that are widely known, of the bucket that has least left, and those of draft-ietf-httpapi-ratelimit-headers-10, of each. */
function headersOf(states: readonly State[]): Record<string, string> {
  const [scarcest] = states.toSorted((one, other) => one.remaining - other.remaining || other.resetMs - one.resetMs);
  const { max, remaining, resetMs } = scarcest as State;
  return {
    'x-ratelimit-limit': String(max),
    'x-ratelimit-remaining': String(remaining),
    'x-ratelimit-reset': String(secondsOf(resetMs)),
    'ratelimit-policy': states.map((one) => `"${one.bucket}";q=${one.max};w=${secondsOf(windowMs)}`).join(', '),
    ratelimit: states.map((one) => `"${one.bucket}";r=${one.remaining};t=${secondsOf(one.resetMs)}`).join(', '),
  };
}

function secondsOf(ms: number): number {
  return Math.ceil(ms / 1_000);
}

/** One that fails at once when Redis is away, since a request would wait for it. */
function openRedis(url: string, log: Log): Redis {
  const redis = new Redis(url, { enableOfflineQueue: false, maxRetriesPerRequest: 0, commandTimeout: 250 });
  redis.on('error', (error) => log.debug({ err: error }, 'requests are not counted: Redis does not answer'));
  return redis;
}
