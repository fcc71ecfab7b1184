import { readHeader } from './frames.ts';

/** Takes a stream's next bytes, and gives the packets that are whole with them, each by itself; undefined: malformed. */
export type PacketReader = (chunk: Buffer) => readonly Buffer[] | undefined;

/** Cuts a stream of bytes into packets (MQTT 3.1.1, 2.2), however it arrives. Whoever feeds it bounds a packet's length. */
export function createPacketReader(): PacketReader {
  let gathered: Buffer[] = [];
  let gatheredBytes = 0;
  /** Of the packet that `gathered` begins with; 0 while its header is not whole. */
  let packetBytes = 0;

  return (arrived) => {
    let chunk = arrived;
    if (gatheredBytes > 0) {
      gathered.push(arrived);
      gatheredBytes += arrived.length;
      if (gatheredBytes < packetBytes) return [];
      chunk = Buffer.concat(gathered, gatheredBytes);
      gathered = [];
      gatheredBytes = 0;
    }
    const packets: Buffer[] = [];
    let at = 0;
    packetBytes = 0;
    while (at < chunk.length) {
      const header = readHeader(chunk, at);
      if (header === 'malformed') return undefined;
      packetBytes = header === undefined ? 0 : header.bytes + header.length;
      if (header === undefined || at + packetBytes > chunk.length) {
        gathered = [chunk.subarray(at)];
        gatheredBytes = chunk.length - at;
        break;
      }
      packets.push(at === 0 && packetBytes === chunk.length ? chunk : chunk.subarray(at, at + packetBytes));
      at += packetBytes;
    }
    return packets;
  };
}
