import type { Rejection } from '../quarantine/quarantine.ts';
import { type Birth, type EdgeNode, isAlive, stateOf } from './births.ts';
import { type EdgeMessage, type Heard, type HeardPart, type Known, nothingHeard, sentIn } from './heard.ts';
import { bdSeqOf } from './payload.ts';
import type { Place } from './places.ts';
import { deathTime, staleSamples } from './samples.ts';

/** An NDEATH: all points of the node and of its devices are stale from its arrival on, since a will knows no time (5.4). */
export async function hearNodeDeath(one: EdgeMessage, known: Known): Promise<Heard> {
  const { node, payload } = one;
  await known.nodes.refresh(node);
  const born = node.births.get('');
  if (born?.state === 'dead' || isOfAnotherBirth(bdSeqOf(payload.metrics), born)) return nothingHeard;
  const dying = [...node.births.values()].filter(({ state }) => state !== 'dead');
  return die({ ...one, payload: { ...payload, timeMs: undefined } }, { dying, known });
}

/** A DDEATH: the points of the device are stale from the time on that it says (5.7). */
export async function hearDeviceDeath(one: EdgeMessage, known: Known): Promise<Heard> {
  const { node, topic } = one;
  if (!isAlive(node)) known.rebirths.want(node.key);
  const birth = node.births.get(topic.device ?? '');
  if (birth === undefined || birth.state === 'dead') return nothingHeard;
  return die(one, { dying: [birth], known });
}

/** The will of an earlier connection may come after the birth on the next one (tck-id-payloads-ndeath-bdseq). */
function isOfAnotherBirth(bdSeq: number | null, born: Birth | undefined): boolean {
  return bdSeq !== null && born !== undefined && born.bdSeq !== null && bdSeq !== born.bdSeq;
}

type Dying = { readonly dying: readonly Birth[]; readonly known: Known };

async function die(one: EdgeMessage, { dying, known }: Dying): Promise<Heard> {
  const { node } = one;
  const places = await placesOf(node, { dying, known });
  const parts: HeardPart[] = [];
  for (const birth of dying) {
    const place = places.get(birth);
    const diedMs = deathTime(birth, sentIn(one, 'UTC'));
    Object.assign(birth, { state: 'dead', diedMs, newestMs: diedMs });
    // Where its site is gone its points are gone with it.
    if (!place || 'reason' in place) continue;
    parts.push({ site: place.site, asset: birth.asset, samples: staleSamples(birth, diedMs) });
  }
  return { parts, rejections: [], births: dying.map((birth) => stateOf(node.key, birth)) };
}

async function placesOf(node: EdgeNode, { dying, known }: Dying): Promise<Map<Birth, Place | Rejection>> {
  const found = new Map<Birth, Place | Rejection>();
  for (const birth of dying) found.set(birth, await known.places.ofKnown(node.key, birth));
  return found;
}
