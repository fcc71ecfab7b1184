/**
 * A message in quarantine, interpreted once more as if it came for the first time, with its own device and time of arrival:
 *
 *   kept ──all of it understood──▶ its readings stored and the message gone, in one transaction
 *     └──some of it not──▶ what is good is stored, and the message stays with the new reason
 *     └──the database does not take it──▶ nothing is stored, and the message stays as not_storable
 *
 * The same again is harmless: a reading that is there already is a duplicate.
 */
import type { Counter } from 'prom-client';
import type { Appender } from '../../telemetry/append-store.ts';
import type { Interpret } from '../decode/interpret.ts';
import type { Message } from '../intake/message.ts';
import { isPoison, notStorable } from '../not-storable.ts';
import type { Turns } from '../writing.ts';
import { keepReplayed, type Replayable, removeReplayed } from './list-store.ts';
import type { Replayed } from './quarantined-message.ts';

export type ReplayOptions = {
  /** An interpretation that remembers nothing: what was just made, a point or a template, must be seen. */
  readonly startInterpret: () => Interpret;
  readonly appender: Appender;
  readonly turns: Turns;
  readonly counter: Counter<'door' | 'outcome'>;
};

/** Replays messages of a tenant one after the other; a message that cannot be, such as one cut off, stays as it is. */
export type Replay = (tenantId: string, messages: readonly Replayable[]) => Promise<Replayed[]>;

/** A replay that commits each message by itself. */
export function createReplay({ startInterpret, appender, turns, counter }: ReplayOptions): Replay {
  return async (tenantId, messages) => {
    const interpret = startInterpret();
    const results: Replayed[] = [];
    for (const message of messages) {
      const fault = findFault(message);
      if (fault !== undefined) results.push(kept(message.id, { reason: 'not_replayable', detail: fault }));
      else results.push(await turns(() => replayOne(message, { tenantId, interpret, appender })));
    }
    for (const { stored, duplicates, conflicts } of results) {
      counter.inc({ door: 'replay', outcome: 'stored' }, stored);
      counter.inc({ door: 'replay', outcome: 'duplicate' }, duplicates);
      counter.inc({ door: 'replay', outcome: 'conflict' }, conflicts);
    }
    return results;
  };
}

/** Why a message cannot be replayed at all; undefined when it can. */
export function findFault({ isTruncated, device }: Replayable): string | undefined {
  if (isTruncated) return 'only the beginning of its payload was kept; the device must send it again';
  if (device === null) return 'its device is not known any more, and with it what it may publish';
  return undefined;
}

type Given = { readonly tenantId: string; readonly interpret: Interpret; readonly appender: Appender };

async function replayOne(entry: Replayable, { tenantId, interpret, appender }: Given): Promise<Replayed> {
  const { id } = entry;
  try {
    const { arrivals, rejected } = await interpret([messageOf(entry)]);
    const rejection = rejected[0]?.rejection;
    const counts = await appender.append(arrivals, (client) =>
      rejection
        ? keepReplayed(client, { tenantId, id, reason: rejection.reason, detail: rejection.detail })
        : removeReplayed(client, { tenantId, id }),
    );
    if (rejection) return kept(id, { ...rejection, ...counts });
    return { id, outcome: 'replayed', ...counts, reason: null, detail: null };
  } catch (error) {
    if (!isPoison(error)) throw error;
    const why = notStorable(error);
    await appender.append([], (client) => keepReplayed(client, { tenantId, id, ...why }));
    return kept(id, why);
  }
}

type Kept = Partial<Replayed> & { reason: string; detail: string };

function kept(id: string, { reason, detail, stored = 0, duplicates = 0, conflicts = 0 }: Kept): Replayed {
  return { id, outcome: 'kept', stored, duplicates, conflicts, reason, detail };
}

function messageOf({ topic, payload, receivedMs, device }: Replayable): Message {
  if (device === null) throw new TypeError('a message without a device cannot be replayed');
  const origin = { device, settle: () => {}, flush: () => {} };
  return { origin, topic, payload, receivedMs, qos: 0, messageId: undefined, isRepeated: false };
}
