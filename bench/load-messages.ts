/**
 * What the devices of the load generator send: messages made once by mqtt-packet, of which each copy gets its own packet
 * identifier and time. A point's times only ever increase, so that each reading is a row of its own.
 */
import mqttPacket from 'mqtt-packet';

/** `json`: one point or ten under their asset. `sparkplug`: twenty metrics of an edge node, by alias. */
export type Form = 'json' | 'sparkplug';

export type Sender = {
  /** What a device says once before its first reading. */
  readonly first: Buffer | undefined;
  /** The next message, as a PUBLISH with this packet identifier, which QoS 0 does not have. */
  next(messageId: number): Buffer;
};

export type SenderOptions = {
  readonly site: string;
  readonly client: number;
  /** How many there are: together they have a thousand points at least. */
  readonly clients: number;
  readonly qos: 0 | 1 | 2;
  readonly form: Form;
  readonly readings: number;
};

const pointsPerAsset = 10;
/** Fewer would need several times a millisecond each, and those of one case would run into those of the next. */
const assetsMin = 100;
const timeDigits = 13;
export const metricsPerPayload = 20;

/** The messages of one device, without end. */
export function createSender(options: SenderOptions): Sender {
  if (options.form === 'sparkplug') return createEdgeNode(options);
  const assets = Array.from({ length: Math.ceil(assetsMin / options.clients) }, (_, i) => `${options.client}-${i}`);
  const points = Array.from({ length: pointsPerAsset }, (_, point) => point);
  const sets = options.readings === 1 ? points.map((point) => [point]) : [points.slice(0, options.readings)];
  const messages = assets.flatMap((asset) => sets.map((set) => createMessage(options, asset, set)));
  let turn = 0;
  return {
    first: undefined,
    next: (messageId) => {
      const message = messages[turn] as (messageId: number) => Buffer;
      turn = (turn + 1) % messages.length;
      return message(messageId);
    },
  };
}

function createMessage(
  { site, qos }: SenderOptions,
  name: string,
  points: readonly number[],
): (messageId: number) => Buffer {
  const asset = `telemetry/${site}/bench-${name}`;
  const [only] = points;
  const time = `"time":${'0'.repeat(timeDigits)}}`;
  const numberOf = (point: number) => (20 + point / 8).toFixed(3);
  const values = points.map((point) => `"point-${point}":${numberOf(point)}`).join(',');
  const isOne = points.length === 1 && only !== undefined;
  const template = mqttPacket.generate({
    cmd: 'publish',
    qos,
    dup: false,
    retain: false,
    ...(qos > 0 && { messageId: 1 }),
    topic: isOne ? `${asset}/point-${only}` : asset,
    payload: isOne ? `{"value":${numberOf(only)},${time}` : `{"values":{${values}},${time}`,
  });
  const timeAt = template.length - 1 - timeDigits;
  const idAt = qos > 0 ? identifierAt(template) : undefined;
  let lastMs = 0;
  return (messageId) => {
    lastMs = Math.max(lastMs + 1, Date.now());
    const packet = Buffer.from(template);
    if (idAt !== undefined) packet.writeUInt16BE(messageId, idAt);
    packet.write(String(lastMs), timeAt, 'latin1');
    return packet;
  };
}

/** After the fixed header, whose length takes one to four bytes, come the topic with its length and then the identifier. */
function identifierAt(packet: Buffer): number {
  let at = 1;
  while ((packet[at] as number) >= 0x80) at++;
  return at + 1 + 2 + packet.readUInt16BE(at + 1);
}

/** An edge node of Sparkplug B: a birth that gives each metric its alias, then data by alias, numbered from 0 to 255. */
function createEdgeNode({ site, client, qos }: SenderOptions): Sender {
  const topicOf = (type: string) => `spBv1.0/${site}/${type}/bench-edge-${process.pid}-${client}`;
  const publish = (topic: string, payload: Buffer, messageId: number) =>
    mqttPacket.generate({ cmd: 'publish', qos, dup: false, retain: false, messageId, topic, payload });
  let lastMs = Date.now();
  let sequence = 0;
  const payload = (metrics: Buffer) => {
    const head = [...varintField(1, lastMs)];
    const tail = [...varintField(3, sequence)];
    sequence = (sequence + 1) % 256;
    return Buffer.concat([Buffer.from(head), metrics, Buffer.from(tail)]);
  };
  const metricsOf = (isBirth: boolean) =>
    Buffer.concat(Array.from({ length: metricsPerPayload }, (_, alias) => metric(alias + 1, isBirth)));
  const birth = Buffer.concat([metricsOf(true), bdSeq()]);
  const data = metricsOf(false);
  return {
    first: publish(topicOf('NBIRTH'), payload(birth), 65_535),
    next: (messageId) => {
      lastMs = Math.max(lastMs + 1, Date.now());
      return publish(topicOf('NDATA'), payload(data), messageId);
    },
  };
}

/** Fields of a Metric (Sparkplug B 3.0, 6.4.1): name 1, alias 2, datatype 4, double_value 13. */
function metric(alias: number, isBirth: boolean): Buffer {
  const name = Buffer.from(`metric-${alias}`);
  const value = Buffer.alloc(9);
  value[0] = (13 << 3) | 1;
  value.writeDoubleLE(20 + alias / 8, 1);
  const named = isBirth ? Buffer.concat([Buffer.from([(1 << 3) | 2, name.length]), name]) : Buffer.alloc(0);
  const type = isBirth ? varintField(4, 10) : [];
  return submessage(2, Buffer.concat([named, Buffer.from([...varintField(2, alias), ...type]), value]));
}

/** The metric by which a birth and its death find each other; long_value is field 11. */
function bdSeq(): Buffer {
  const name = Buffer.from('bdSeq');
  const fields = [...varintField(4, 8), ...varintField(11, 0)];
  return submessage(2, Buffer.concat([Buffer.from([(1 << 3) | 2, name.length]), name, Buffer.from(fields)]));
}

function submessage(field: number, body: Buffer): Buffer {
  return Buffer.concat([Buffer.from([(field << 3) | 2, body.length]), body]);
}

function varintField(field: number, value: number): number[] {
  const bytes = [field << 3];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80);
  return [...bytes, rest];
}
