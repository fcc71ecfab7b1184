/**
 * What is to be delivered to one client, in order, within limits (MQTT 3.1.1, 4.3, 4.4 and 4.6). It outlives the client's
 * connections as long as its session does.
 *
 *   waiting ─▶ QoS 0: sent, and forgotten
 *           ─▶ QoS 1: published ─PUBACK─▶ done
 *           ─▶ QoS 2: published ─PUBREC─▶ released ─PUBCOMP─▶ done
 *
 * When the client comes back, what is published is sent again with DUP, what is released as PUBREL, each with its
 * identifier and in its order [MQTT-4.4.0-1]. At most `windowMax` messages are published or released at a time. Beyond
 * the limits the oldest that waits makes room; nobody who publishes ever waits for a client that does not read.
 */
import { publish, pubrel } from '../packets/answers.ts';
import type { Qos } from '../packets/packets.ts';

/** A message on its way to subscribers; its payload is its own, and no part of a larger buffer. */
export type Forwarded = {
  readonly topic: string;
  readonly payload: Buffer;
  readonly qos: Qos;
  readonly retain: boolean;
};

/** Where a client's packets are written: takes one, and tells whether it wants another before it asks by `pump`. */
export type Link = (packet: Buffer) => boolean;

export type Delivery = {
  /** Lets a message wait, and sends it as soon as there is room. */
  offer(message: Forwarded, qos: Qos): void;
  /** Lets retained messages wait, in front of what is offered from now on and beside its limits. */
  offerRetained(messages: Iterable<Retained>): void;
  /** The link wants more: sends what there is room for. */
  pump(): void;
  /** The client is there: sends again what it has not acknowledged, and goes on. */
  attach(link: Link): void;
  /** It has gone; what waits at QoS 0 goes with it. */
  detach(): void;
  /** An acknowledgement has come: `unknown` when nothing waits for it, as at the end of an older story. */
  acknowledge(type: 'puback' | 'pubrec' | 'pubcomp', messageId: number): 'taken' | 'unknown';
  /** Forgets those that wait whose topic is not wanted. */
  keepOnly(isWanted: (topic: string) => boolean): void;
  /** Forgets everything. */
  clear(): void;
};

export type Retained = { readonly message: Forwarded; readonly qos: Qos };

/** Bytes that wait in several deliveries together: those of a tenant, within those of all. */
export type DeliveryBudget = { bytes: number; readonly bytesMax: number; readonly within?: DeliveryBudget };

export type DeliveryOptions = {
  readonly budget: DeliveryBudget;
  /** Told of each message that had to make room, or found none. */
  readonly onDropped: () => void;
};

/**
 * Of one client: what waits, and what waits or is in flight, with its objects. Up to `reservedBytes` nobody else's queues
 * count, so that a client that keeps up is served however much others let lie.
 */
export const deliveryLimits = {
  waitingMax: 10_000,
  bytesMax: 4 * 1_024 * 1_024,
  reservedBytes: 4_096,
  windowMax: 100,
} as const;

type Outgoing = Retained & { readonly retain: boolean };

type State = DeliveryOptions & {
  link: Link | undefined;
  /** False while the link wants nothing. */
  hasRoom: boolean;
  waiting: Outgoing[];
  /** By topic, so that it is as long as what is retained, however often a client subscribes. */
  retained: Map<string, Outgoing>;
  readonly inFlight: Map<number, { readonly outgoing: Outgoing; isReleased: boolean }>;
  /** Of what waits and what is in flight. */
  bytes: number;
  lastId: number;
};

/** Nothing to be delivered, and nobody there. */
export function createDelivery(options: DeliveryOptions): Delivery {
  const state: State = {
    ...options,
    link: undefined,
    hasRoom: false,
    waiting: [],
    retained: new Map(),
    inFlight: new Map(),
    bytes: 0,
    lastId: 0,
  };
  return {
    offer: (message, qos) => {
      if (qos === 0 && !state.link) return; // 3.1.2.4: messages of QoS 0 need not be kept for a client that is away.
      admit(state, { message, qos, retain: false });
      pump(state);
    },
    offerRetained: (messages) => {
      for (const { message, qos } of messages) state.retained.set(message.topic, { message, qos, retain: true });
      pump(state);
    },
    pump: () => {
      state.hasRoom = state.link !== undefined;
      pump(state);
    },
    attach: (link) => attach(state, link),
    detach: () => detach(state),
    acknowledge: (type, messageId) => acknowledge(state, type, messageId),
    keepOnly: (isWanted) => keepOnly(state, isWanted),
    clear: () => clear(state),
  };
}

function admit(state: State, outgoing: Outgoing): void {
  while (state.waiting.length > 0 && isBeyond(state, outgoing)) {
    weigh(state, state.waiting.shift() as Outgoing, -1);
    state.onDropped();
  }
  if (isBeyond(state, outgoing)) {
    state.onDropped();
    return;
  }
  weigh(state, outgoing, 1);
  state.waiting.push(outgoing);
}

function isBeyond({ waiting, bytes, budget }: State, outgoing: Outgoing): boolean {
  const { waitingMax, bytesMax, reservedBytes } = deliveryLimits;
  const more = weightBytes(outgoing);
  if (waiting.length >= waitingMax || bytes + more > bytesMax) return true;
  return bytes + more > reservedBytes && !hasRoom(budget, more);
}

function hasRoom({ bytes, bytesMax, within }: DeliveryBudget, more: number): boolean {
  return bytes + more <= bytesMax && (within === undefined || hasRoom(within, more));
}

function weigh(state: State, outgoing: Outgoing, sign: 1 | -1): void {
  const change = sign * weightBytes(outgoing);
  state.bytes += change;
  spend(state.budget, change);
}

function spend(budget: DeliveryBudget, change: number): void {
  budget.bytes += change;
  if (budget.within) spend(budget.within, change);
}

function weightBytes({ message: { topic, payload } }: Outgoing): number {
  return topic.length + payload.length + 100;
}

function pump(state: State): void {
  while (state.link && state.hasRoom) {
    const outgoing = take(state);
    if (!outgoing) return;
    const messageId = outgoing.qos > 0 ? freeId(state) : 0;
    if (outgoing.qos > 0) state.inFlight.set(messageId, { outgoing, isReleased: false });
    send(state, outgoing, { messageId, isDuplicate: false });
  }
}

/** The next message, if it may go now. What is retained weighs from now on, what has waited until now if it is QoS 0. */
function take(state: State): Outgoing | undefined {
  const { waiting, retained, inFlight } = state;
  const [first] = retained.size > 0 ? retained.values() : [];
  const outgoing = first ?? waiting[0];
  if (!outgoing) return undefined;
  const isTooMuch = inFlight.size >= deliveryLimits.windowMax || (first && state.bytes > deliveryLimits.bytesMax);
  if (outgoing.qos > 0 && inFlight.size > 0 && isTooMuch) return undefined;
  if (first) retained.delete(first.message.topic);
  else waiting.shift();
  if (first && first.qos > 0) weigh(state, first, 1);
  if (!first && outgoing.qos === 0) weigh(state, outgoing, -1);
  return outgoing;
}

function freeId(state: State): number {
  do state.lastId = (state.lastId % 65_535) + 1;
  while (state.inFlight.has(state.lastId));
  return state.lastId;
}

function send(
  state: State,
  { message: { topic, payload }, qos, retain }: Outgoing,
  again: { messageId: number; isDuplicate: boolean },
): void {
  const wantsMore = state.link?.(publish({ topic, payload, qos, retain, ...again }));
  if (!wantsMore) state.hasRoom = false;
}

function attach(state: State, link: Link): void {
  state.link = link;
  state.hasRoom = true;
  for (const [messageId, { outgoing, isReleased }] of state.inFlight) {
    if (isReleased) link(pubrel(messageId));
    else send(state, outgoing, { messageId, isDuplicate: true });
  }
  pump(state);
}

function detach(state: State): void {
  state.link = undefined;
  const late = [...state.retained.values(), ...state.waiting];
  for (const outgoing of state.waiting) weigh(state, outgoing, -1);
  state.retained.clear();
  state.waiting = [];
  for (const outgoing of late) if (outgoing.qos > 0) admit(state, outgoing);
}

function acknowledge(
  state: State,
  type: 'puback' | 'pubrec' | 'pubcomp',
  messageId: number,
): ReturnType<Delivery['acknowledge']> {
  const found = state.inFlight.get(messageId);
  if (!found || found.outgoing.qos !== (type === 'puback' ? 1 : 2)) return 'unknown';
  if (found.isReleased !== (type === 'pubcomp')) return 'unknown';
  if (type === 'pubrec') {
    found.isReleased = true;
    state.link?.(pubrel(messageId));
    return 'taken';
  }
  state.inFlight.delete(messageId);
  weigh(state, found.outgoing, -1);
  pump(state);
  return 'taken';
}

function keepOnly(state: State, isWanted: (topic: string) => boolean): void {
  const unwanted = new Set(state.waiting.filter(({ message }) => !isWanted(message.topic)));
  for (const outgoing of unwanted) weigh(state, outgoing, -1);
  state.waiting = state.waiting.filter((outgoing) => !unwanted.has(outgoing));
}

function clear(state: State): void {
  state.link = undefined;
  spend(state.budget, -state.bytes);
  state.bytes = 0;
  state.retained.clear();
  state.waiting = [];
  state.inFlight.clear();
}
