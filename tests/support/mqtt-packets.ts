/**
 * Each control packet of MQTT 3.1.1 (chapter 3), well formed and malformed, with what must come back, byte by byte. The
 * device that sends them may publish and subscribe everywhere; what is answered is written as the specification has it.
 */

/** Bytes in hexadecimal, texts in quotes with their length in front: `82 06 00 01 "a" 00`. */
export type Bytes = string;

export type PacketCase = {
  readonly name: string;
  readonly send: Bytes;
  /** What comes back, before the connection is closed or a ping is answered. */
  readonly back: Bytes;
  readonly afterwards: 'open' | 'closed';
};

const ok = (name: string, send: Bytes, back: Bytes): PacketCase => ({ name, send, back, afterwards: 'open' });
const closes = (name: string, send: Bytes, back: Bytes = ''): PacketCase => ({
  name,
  send,
  back,
  afterwards: 'closed',
});

/** The bytes of a notation, with the remaining length where it says `..`. */
export function toBytes(notation: Bytes): Buffer {
  const parts = notation.match(/"[^"]*"|\S+/g) ?? [];
  const [first, second, ...rest] = parts;
  if (second !== '..') return Buffer.concat(parts.map(toPart));
  const body = Buffer.concat(rest.map(toPart));
  const length = body.length < 128 ? [body.length] : [(body.length & 0x7f) | 0x80, body.length >> 7];
  return Buffer.concat([toPart(first as string), Buffer.from(length), body]);
}

function toPart(part: string): Buffer {
  if (!part.startsWith('"')) return Buffer.from(part, 'hex');
  const text = Buffer.from(part.slice(1, -1));
  return Buffer.concat([Buffer.from([text.length >> 8, text.length & 0xff]), text]);
}

const login = '"packets" "a password for tests"';
const connack = '20 02 00 00';

/** On a new connection. The client identifier `ID` is replaced by one that is the case's own. */
export const connectCases: readonly PacketCase[] = [
  ok('CONNECT of MQTT 3.1.1', `10 .. "MQTT" 04 c2 0000 "ID" ${login}`, connack),
  ok('CONNECT of MQTT 3.1', `10 .. "MQIsdp" 03 c2 0000 "ID" ${login}`, connack),
  ok('CONNECT of a bridge, with the highest bit of its level', `10 .. "MQTT" 84 c2 0000 "ID" ${login}`, connack),
  ok('CONNECT with a will', `10 .. "MQTT" 04 ee 0000 "ID" "will" "gone" ${login}`, connack),
  ok('CONNECT with an empty will', `10 .. "MQTT" 04 c6 0000 "ID" "will" "" ${login}`, connack),
  ok('CONNECT for a session that is kept', `10 .. "MQTT" 04 c0 0000 "ID" ${login}`, connack),
  ok('CONNECT with the longest keep-alive', `10 .. "MQTT" 04 c2 ffff "ID" ${login}`, connack),
  ok('CONNECT without an identifier, clean', `10 .. "MQTT" 04 c2 0000 "" ${login}`, connack),
  ok('CONNECT with an identifier in UTF-8', `10 .. "MQTT" 04 c2 0000 "é€😀\ufeff" ${login}`, connack),
  ok('CONNECT and PINGREQ at once', `10 2c "MQTT" 04 c2 0000 "I" ${login} c000`, `${connack} d000`),
  closes('CONNECT of MQTT 5', `10 .. "MQTT" 05 c2 0000 00 "ID" ${login}`, '20 02 00 01'),
  closes('CONNECT of MQTT with the level of 3.1', `10 .. "MQTT" 03 c2 0000 "ID" ${login}`, '20 02 00 01'),
  closes('CONNECT of MQIsdp with the level of 3.1.1', `10 .. "MQIsdp" 04 c2 0000 "ID" ${login}`, '20 02 00 01'),
  closes('CONNECT without an identifier, to be kept', `10 .. "MQTT" 04 c0 0000 "" ${login}`, '20 02 00 02'),
  closes('CONNECT of MQTT 3.1 without an identifier', `10 .. "MQIsdp" 03 c2 0000 "" ${login}`, '20 02 00 02'),
  closes('CONNECT with a wrong password', '10 .. "MQTT" 04 c2 0000 "ID" "packets" "wrong"', '20 02 00 04'),
  closes('CONNECT without credentials', '10 .. "MQTT" 04 02 0000 "ID"', '20 02 00 05'),
  closes('CONNECT of another protocol', `10 .. "MQTX" 04 c2 0000 "ID" ${login}`),
  closes('CONNECT in small letters', `10 .. "mqtt" 04 c2 0000 "ID" ${login}`),
  closes('CONNECT with flags in its header', `11 .. "MQTT" 04 c2 0000 "ID" ${login}`),
  closes('CONNECT with the reserved flag', `10 .. "MQTT" 04 c3 0000 "ID" ${login}`),
  closes('CONNECT with a will of QoS 3', `10 .. "MQTT" 04 de 0000 "ID" "will" "gone" ${login}`),
  closes('CONNECT with the QoS of a will that is not there', `10 .. "MQTT" 04 ca 0000 "ID" ${login}`),
  closes('CONNECT that retains a will that is not there', `10 .. "MQTT" 04 e2 0000 "ID" ${login}`),
  closes('CONNECT with a will under no topic', `10 .. "MQTT" 04 c6 0000 "ID" "" "gone" ${login}`),
  closes('CONNECT with a password and no user name', '10 .. "MQTT" 04 42 0000 "ID" "a password for tests"'),
  closes('CONNECT without the password that is announced', '10 .. "MQTT" 04 c2 0000 "ID" "packets"'),
  closes('CONNECT with bytes behind its fields', `10 .. "MQTT" 04 c2 0000 "ID" ${login} 00`),
  closes('CONNECT that is empty', '10 00'),
  closes('CONNECT that ends in its fields', '10 .. "MQTT" 04 c2 00'),
  closes('CONNECT with a field beyond its end', '10 .. "MQTT" 04 02 0000 00ff 61'),
  closes('CONNECT with an identifier that is no UTF-8', `10 .. "MQTT" 04 c2 0000 0002 c328 ${login}`),
  closes('CONNECT with half of a character in its identifier', `10 .. "MQTT" 04 c2 0000 0003 eda080 ${login}`),
  closes('CONNECT with U+0000 in its identifier', `10 .. "MQTT" 04 c2 0000 0003 610062 ${login}`),
  closes('CONNECT with U+0000 in its user name', '10 .. "MQTT" 04 c2 0000 "ID" 0003 610062 "wrong"'),
  closes('CONNECT with a remaining length of five bytes', '10 ff ff ff ff 01'),
  closes('PUBLISH before the CONNECT', '30 .. "a" 31'),
  closes('PUBACK before the CONNECT', '40 02 0001'),
  closes('PUBREL before the CONNECT', '62 02 0001'),
  closes('SUBSCRIBE before the CONNECT', '82 .. 0001 "a" 00'),
  closes('UNSUBSCRIBE before the CONNECT', 'a2 .. 0001 "a"'),
  closes('PINGREQ before the CONNECT', 'c0 00'),
  closes('DISCONNECT before the CONNECT', 'e0 00'),
];

const publishCases: readonly PacketCase[] = [
  ok('PUBLISH of QoS 0', '30 .. "a/b" 31', ''),
  ok('PUBLISH of QoS 1', '32 .. "a/b" 0007 31', '40 02 0007'),
  ok('PUBLISH of QoS 2', '34 .. "a/b" 0007 31', '50 02 0007'),
  ok('PUBLISH of QoS 1 that comes again', '3a .. "a/b" ffff 31', '40 02 ffff'),
  ok('PUBLISH of QoS 2, twice', '34 08 "a/b" 0007 31 3c 08 "a/b" 0007 31', '50 02 0007 50 02 0007'),
  ok('PUBLISH of QoS 2 and its PUBREL', '34 08 "a/b" 0009 31 62 02 0009', '70 02 0009 50 02 0009'),
  ok('PUBLISH that is retained, and cleared', '33 08 "a/r" 0007 31 33 07 "a/r" 0008', '40 02 0007 40 02 0008'),
  ok('PUBLISH without a payload', '32 .. "a/b" 0007', '40 02 0007'),
  ok('PUBLISH under a topic of empty levels', '32 .. "/" 0007 31', '40 02 0007'),
  ok('PUBLISH under a topic with a space, U+FEFF and U+FFFD', '32 .. "a b\ufeff\ufffd" 0007 31', '40 02 0007'),
  ok('PUBLISH under a topic that begins with $', '32 .. "$SYS/a" 0007 31', '40 02 0007'),
  ok('PUBLISH with a remaining length in more bytes than it needs', '32 88 80 80 00 "a/b" 0007 31', '40 02 0007'),
  closes('PUBLISH of QoS 3', '36 .. "a/b" 0007 31'),
  closes('PUBLISH of QoS 0 with DUP', '38 .. "a/b" 31'),
  closes('PUBLISH with the identifier 0', '32 .. "a/b" 0000 31'),
  closes('PUBLISH without an identifier', '32 .. "a/b"'),
  closes('PUBLISH under no topic', '30 .. "" 31'),
  closes('PUBLISH without a topic', '30 00'),
  closes('PUBLISH with a topic beyond its end', '30 .. 00ff 61'),
  closes('PUBLISH under a +', '30 .. "a/+" 31'),
  closes('PUBLISH under a #', '30 .. "#" 31'),
  closes('PUBLISH under a topic with U+0000', '30 .. 0003 610062 31'),
  closes('PUBLISH under a topic that is no UTF-8', '30 .. 0002 c328 31'),
  closes('PUBLISH under a topic with an overlong character', '30 .. 0002 c0af 31'),
  closes('PUBLISH under a topic with half of a character', '30 .. 0003 edbfbf 31'),
];

const acknowledgementCases: readonly PacketCase[] = [
  ok('PUBACK of an identifier that is not in use', '40 02 0007', ''),
  ok('PUBREC of an identifier that is not in use', '50 02 0007', '62 02 0007'),
  ok('PUBREL of an identifier that is not in use', '62 02 0007', '70 02 0007'),
  ok('PUBCOMP of an identifier that is not in use', '70 02 0007', ''),
  ok('PUBREL with a remaining length in more bytes than it needs', '62 82 00 0107', '70 02 0107'),
  ...(['PUBACK 40', 'PUBREC 50', 'PUBREL 62', 'PUBCOMP 70'] as const).flatMap((packet) => {
    const [name, first] = packet.split(' ');
    return [
      closes(`${name} of the identifier 0`, `${first} 02 0000`),
      closes(`${name} with bytes behind the identifier`, `${first} 03 000700`),
      closes(`${name} that is too short`, `${first} 01 00`),
      closes(`${name} that is empty`, `${first} 00`),
    ];
  }),
  closes('PUBACK with flags', '42 02 0007'),
  closes('PUBREC with flags', '52 02 0007'),
  closes('PUBREL without its flags', '60 02 0007'),
  closes('PUBREL with other flags', '64 02 0007'),
  closes('PUBCOMP with flags', '72 02 0007'),
];

const subscribeCases: readonly PacketCase[] = [
  ok('SUBSCRIBE at QoS 0', '82 .. 0007 "a" 00', '90 03 0007 00'),
  ok('SUBSCRIBE at QoS 1', '82 .. 0007 "a/+/b/#" 01', '90 03 0007 01'),
  ok('SUBSCRIBE at QoS 2', '82 .. 0007 "nothing/#" 02', '90 03 0007 02'),
  ok('SUBSCRIBE with filters of empty levels', '82 .. 0007 "/" 00 "//" 01 "/+" 02 "+/" 00', '90 06 0007 00 01 02 00'),
  ok('SUBSCRIBE with the same filter twice', '82 .. 0007 "a" 00 "b" 01 "a" 02', '90 05 0007 00 01 02'),
  ok('SUBSCRIBE to statistics', '82 .. 0007 "$SYS/#" 00', '90 03 0007 80'),
  ok('SUBSCRIBE to a share', '82 .. 0007 "$share/g/a" 01 "a" 01', '90 04 0007 80 01'),
  ok('SUBSCRIBE of more levels than there may be', `82 .. 0007 "${'a/'.repeat(40)}a" 00`, '90 03 0007 80'),
  closes('SUBSCRIBE without filters', '82 02 0007'),
  closes('SUBSCRIBE that is empty', '82 00'),
  closes('SUBSCRIBE without its flags', '80 .. 0007 "a" 00'),
  closes('SUBSCRIBE with other flags', '83 .. 0007 "a" 00'),
  closes('SUBSCRIBE with the identifier 0', '82 .. 0000 "a" 00'),
  closes('SUBSCRIBE at QoS 3', '82 .. 0007 "a" 03'),
  closes('SUBSCRIBE with reserved bits', '82 .. 0007 "a" 04'),
  closes('SUBSCRIBE without a QoS', '82 .. 0007 "a"'),
  closes('SUBSCRIBE to no filter', '82 .. 0007 "" 00'),
  closes('SUBSCRIBE with # in front', '82 .. 0007 "#/a" 00'),
  closes('SUBSCRIBE with # behind a name', '82 .. 0007 "a#" 00'),
  closes('SUBSCRIBE with + behind a name', '82 .. 0007 "a+" 00'),
  closes('SUBSCRIBE with + in front of a name', '82 .. 0007 "a/+b" 00'),
  closes('SUBSCRIBE with U+0000', '82 .. 0007 0003 610062 00'),
  closes('SUBSCRIBE with a filter that is no UTF-8', '82 .. 0007 0002 c328 00'),
  closes('SUBSCRIBE with a filter beyond its end', '82 .. 0007 00ff 61 00'),
  closes('SUBSCRIBE of which the second filter is malformed', '82 .. 0007 "a" 00 "b#" 00'),
];

const otherCases: readonly PacketCase[] = [
  ok('UNSUBSCRIBE from what was subscribed to', '82 06 0007 "a" 00 a2 05 0008 "a"', '90 03 0007 00 b0 02 0008'),
  ok('UNSUBSCRIBE from what was not', 'a2 .. 0007 "a" "#" "a"', 'b0 02 0007'),
  closes('UNSUBSCRIBE without filters', 'a2 02 0007'),
  closes('UNSUBSCRIBE without its flags', 'a0 .. 0007 "a"'),
  closes('UNSUBSCRIBE with the identifier 0', 'a2 .. 0000 "a"'),
  closes('UNSUBSCRIBE from no filter', 'a2 .. 0007 ""'),
  closes('UNSUBSCRIBE with # in front', 'a2 .. 0007 "#/a"'),
  closes('UNSUBSCRIBE with a filter beyond its end', 'a2 .. 0007 00ff 61'),
  ok('PINGREQ', 'c0 00', 'd0 00'),
  ok('PINGREQ, three of them', 'c0 00 c0 00 c0 00', 'd0 00 d0 00 d0 00'),
  closes('PINGREQ with flags', 'c1 00'),
  closes('PINGREQ with a body', 'c0 01 00'),
  closes('DISCONNECT', 'e0 00'),
  closes('DISCONNECT with flags', 'e1 00'),
  closes('DISCONNECT with a body', 'e0 01 00'),
  closes('DISCONNECT, and a SUBSCRIBE behind it', 'e0 00 82 06 0007 "a" 00'),
  closes('a second CONNECT', `10 .. "MQTT" 04 c2 0000 "ID" ${login}`),
  closes('CONNACK of a client', '20 02 0000'),
  closes('SUBACK of a client', '90 03 0007 00'),
  closes('UNSUBACK of a client', 'b0 02 0007'),
  closes('PINGRESP of a client', 'd0 00'),
  closes('a packet of the reserved type 0', '00 00'),
  closes('a packet of the reserved type 15', 'f0 00'),
  closes('a remaining length of five bytes', '30 ff ff ff ff 01'),
];

/** Once a CONNECT has been accepted. */
export const connectedCases: readonly PacketCase[] = [
  ...publishCases,
  ...acknowledgementCases,
  ...subscribeCases,
  ...otherCases,
];
