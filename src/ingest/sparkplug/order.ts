/**
 * The order in which an edge node sent its messages, by their sequence numbers (Sparkplug B 3.0, 5.8.1): in front of the
 * intake, for all doors. A message whose turn it is passes at once. One that is early is held, neither stored nor
 * acknowledged, until those before it have come or the wait is over; then it passes all the same, and the node is asked
 * for its births.
 *
 *   next ─┬─ its turn ─▶ passes, and with it whatever was held for it
 *         ├─ early    ─▶ held ─┬─ the missing come ─▶ passes, in order
 *         │                    └─ the wait is over, or there are too many ─▶ passes, in order; a gap
 *         └─ late, or twice ─▶ passes: readings have their own time
 *
 * NBIRTH begins to count anew. What can be told neither early nor late, having no sequence number, passes. Only what its
 * device may publish is counted, so that nobody disturbs the order of another's node.
 */
import { isGranted } from '../../access/device-grants.ts';
import { type Message, weightBytes } from '../intake/message.ts';
import { peekPayload } from './payload.ts';
import { type NodeKey, nodeName } from './sparkplug-store.ts';
import { type EdgeTopic, parseSparkplugTopic, sparkplugPrefix } from './topic.ts';

export type Order = {
  /** Takes a message of whatever topic, and passes it on in its turn. */
  offer(message: Message): void;
  /** Passes on whatever is held. */
  release(): void;
};

export type OrderOptions = {
  readonly pass: (message: Message) => void;
  /** How long a message waits for those before it, in milliseconds. */
  readonly waitMs: number;
  /** Messages of a node are missing. */
  readonly onGap: (key: NodeKey) => void;
};

const nodesMax = 20_000;
const heldBytesMax = 16 * 1_024 * 1_024;

type Held = {
  readonly message: Message;
  readonly timeMs: number | undefined;
  /** The same message, sent again: it is acknowledged when it passes, and so not before itself. */
  readonly again: Message[];
};
type Line = {
  readonly key: NodeKey;
  /** The next number; undefined before the first. */
  expected: number | undefined;
  /** When the last message that came in its turn was sent, by the node's clock. */
  lastMs: number | undefined;
  readonly held: Map<number, Held>;
  timer: NodeJS.Timeout | undefined;
};

type State = OrderOptions & {
  /** In the order of their last message. */
  readonly lines: Map<string, Line>;
  heldBytes: number;
};

/** An order of no nodes. */
export function createOrder(options: OrderOptions): Order {
  const state: State = { ...options, lines: new Map(), heldBytes: 0 };
  return {
    offer: (message) => {
      const topic = findEdgeTopic(message);
      if (!topic) state.pass(message);
      else if (message.isRepeated) takeAgain(state, message, topic);
      else take(state, message, topic);
    },
    release: () => {
      for (const line of state.lines.values()) empty(state, line, () => true);
    },
  };
}

function take(state: State, message: Message, topic: EdgeTopic): void {
  const { pass } = state;
  const line = lineOf(state, keyOf(message, topic));
  if (topic.type === 'NDEATH') {
    empty(state, line, () => true);
    pass(message);
    return;
  }
  const { seq, timeMs } = peekPayload(message.payload);
  if (topic.type === 'NBIRTH') {
    // What was sent before the birth is of the session before; what was sent after it has overtaken it.
    empty(state, line, (held) => held.timeMs === undefined || timeMs === undefined || held.timeMs < timeMs);
    pass(message);
    advance(state, line, { seq: seq ?? 0, timeMs });
  } else if (seq === undefined || isLate(line, { seq, timeMs })) pass(message);
  else if (line.expected === undefined || line.expected === seq) {
    pass(message);
    advance(state, line, { seq, timeMs });
  } else {
    line.held.set(seq, { message, timeMs, again: [] });
    noteHeld(state, line, message);
  }
}

function takeAgain(state: State, message: Message, topic: EdgeTopic): void {
  const { messageId, origin } = message;
  const line = state.lines.get(nodeName(keyOf(message, topic)));
  const isSame = ({ message: first }: Held) =>
    first.messageId === messageId && first.origin.device.id === origin.device.id;
  const held = messageId === undefined ? undefined : [...(line?.held.values() ?? [])].find(isSame);
  if (line && held) {
    held.again.push(message);
    noteHeld(state, line, message);
  } else state.pass(message);
}

function noteHeld(state: State, line: Line, message: Message): void {
  state.heldBytes += weightBytes(message);
  if (state.heldBytes > heldBytesMax) giveUp(state, line);
  else if (!line.timer) wait(state, line);
}

function keyOf({ origin }: Message, { group, edge }: EdgeTopic): NodeKey {
  return { tenantId: origin.device.tenantId, group, edge };
}

function lineOf(state: State, key: NodeKey): Line {
  const { lines } = state;
  const name = nodeName(key);
  const line = lines.get(name) ?? { key, expected: undefined, lastMs: undefined, held: new Map(), timer: undefined };
  lines.delete(name);
  lines.set(name, line);
  const [oldest] = lines.size > nodesMax ? lines : [];
  if (oldest) {
    empty(state, oldest[1], () => true);
    lines.delete(oldest[0]);
  }
  return line;
}

/** It was this number's turn: so it is the next one's, and of whatever was held for it. */
function advance(state: State, line: Line, { seq, timeMs }: { seq: number; timeMs: number | undefined }): void {
  line.expected = (seq + 1) % 256;
  line.lastMs = timeMs ?? line.lastMs;
  if (line.held.size === 0) return;
  while (line.held.has(line.expected)) letGo(state, line, line.expected);
  wait(state, line);
}

/** Passes on, in order, what is held and does not have to wait any more. */
function empty(state: State, line: Line, isOver: (held: Held) => boolean): void {
  const from = line.expected ?? 0;
  const over = [...line.held].filter(([, held]) => isOver(held)).map(([seq]) => seq);
  for (const seq of over.sort((a, b) => ahead(a, from) - ahead(b, from))) letGo(state, line, seq);
  wait(state, line);
}

function giveUp(state: State, line: Line): void {
  empty(state, line, () => true);
  state.onGap(line.key);
}

function letGo(state: State, line: Line, seq: number): void {
  const held = line.held.get(seq);
  if (!held) return;
  line.held.delete(seq);
  line.expected = (seq + 1) % 256;
  line.lastMs = held.timeMs ?? line.lastMs;
  for (const message of [held.message, ...held.again]) {
    state.heldBytes -= weightBytes(message);
    state.pass(message);
  }
}

function wait(state: State, line: Line): void {
  clearTimeout(line.timer);
  line.timer = line.held.size === 0 ? undefined : setTimeout(() => giveUp(state, line), state.waitMs).unref();
}

/**
 * Whether a message comes after later ones, or a second time. Half of the numbers are before the next one and half of them
 * after it; a message of the second half that was sent after all that came is early nevertheless, since more than half of a
 * round is missing.
 */
function isLate(
  { expected, lastMs, held }: Line,
  { seq, timeMs }: { seq: number; timeMs: number | undefined },
): boolean {
  if (expected === undefined || seq === expected) return false;
  if (held.has(seq)) return true;
  if (timeMs === undefined || lastMs === undefined || timeMs === lastMs) return ahead(seq, expected) >= 128;
  return timeMs < lastMs;
}

/** How far a number is ahead of another, in a circle of 256. */
function ahead(seq: number, from: number): number {
  return (seq - from + 256) % 256;
}

function findEdgeTopic(message: Message): EdgeTopic | undefined {
  if (!message.topic.startsWith(sparkplugPrefix)) return undefined;
  if (!isGranted(message.origin.device.grants, message.topic)) return undefined;
  const topic = parseSparkplugTopic(message.topic);
  return 'group' in topic ? topic : undefined;
}
