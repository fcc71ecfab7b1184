/**
 * What devices say about their assets, under `telemetry/{site}/{asset}/$points`. To keep it takes several statements, so
 * what a batch says about one asset is kept at once, and what was said last is not kept again for a while.
 */
import { createHash } from 'node:crypto';
import { SelfDescription } from '../../assets/discovery.ts';
import type { Message } from '../intake/message.ts';
import { malformed, type Rejection } from '../quarantine/quarantine.ts';
import { noJson } from './decode.ts';
import { type Directory, discoveryIsOff, type KnownSite, siteIsFull } from './directory.ts';
import { createMemo } from './memo.ts';
import { parseJson, textOf } from './payload.ts';
import type { Rejected } from './protocol.ts';

export type Described = { readonly message: Message; readonly site: KnownSite; readonly asset: string };

/** What several messages of a batch say about one asset. */
type Gathered = Omit<Described, 'message'> & {
  readonly key: string;
  message: Message;
  said: SelfDescription;
  pointCount: number;
};

/** Keeps descriptions in their order; resolves with those that it cannot. Rejects only when the database cannot be asked. */
export type Describe = (descriptions: readonly Described[]) => Promise<readonly Rejected[]>;

const knownMsMax = 30_000;
const assetsKept = 10_000;
const pointsTogetherMax = 1_000;

/** Remembers what was said last about each asset, by a digest. */
export function createDescribe(directory: Directory): Describe {
  const known = createMemo<{ digest: string; keptAt: number }>(assetsKept);
  return async (descriptions) => {
    const rejected: Rejected[] = [];
    const together: Gathered[] = [];
    const latest = new Map<string, Gathered>();
    for (const one of descriptions) {
      const said = readDescription(one.message.payload, one.site);
      const key = `${one.site.siteId} ${one.asset}`;
      const before = latest.get(key);
      if ('reason' in said) rejected.push({ message: one.message, rejection: said });
      else if (before && before.pointCount < pointsTogetherMax) add(before, said, one.message);
      else {
        const gathered = { ...one, key, said, pointCount: Object.keys(said.points).length };
        latest.set(key, gathered);
        together.push(gathered);
      }
    }
    for (const { key, message, site, asset, said } of together) {
      const digest = createHash('sha256').update(JSON.stringify(said)).digest('base64');
      const before = known.get(key);
      if (before?.digest === digest && performance.now() - before.keptAt < knownMsMax) continue;
      if (await directory.describe(site, asset, said)) known.set(key, { digest, keptAt: performance.now() });
      else rejected.push({ message, rejection: { reason: 'unknown_point', detail: siteIsFull(site) } });
    }
    return rejected;
  };
}

/** What is said later counts for more; what it leaves out stays as it was. */
function add(before: Gathered, { points, ...rest }: SelfDescription, message: Message): void {
  const all = before.said.points;
  for (const [name, point] of Object.entries(points)) all[name] = { ...all[name], ...point };
  before.said = { ...before.said, ...rest };
  before.pointCount += Object.keys(points).length;
  before.message = message;
}

function readDescription(payload: Buffer, site: KnownSite): SelfDescription | Rejection {
  if (!site.discovery) return { reason: 'unknown_point', detail: discoveryIsOff(site) };
  const text = textOf(payload);
  if (typeof text !== 'string') return text;
  const parsed = parseJson(text);
  if (parsed === undefined) return malformed(noJson(descriptionForm));
  const said = SelfDescription.safeParse(parsed);
  if (said.success) return said.data;
  const [issue] = said.error.issues;
  const place = issue === undefined || issue.path.length === 0 ? '' : `${issue.path.join('.')}: `;
  return malformed(`${descriptionForm}; ${place}${issue?.message}`);
}

const descriptionForm =
  'a description is {"class": "brick:AHU", "params": {…}, "points": {"name": {"class", "of", "unit"}}}';
