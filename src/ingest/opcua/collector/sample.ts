/** One sample out of a notification or an answer, before it is known what it is to us. */
import type { DataValue, Variant } from 'node-opcua-client';

export type Sample = {
  /** Ours, of what is watched. */
  readonly handle: number;
  /** The source's time, else the server's, else that of arrival; in ms since 1970. */
  readonly timeMs: number;
  /** The whole StatusCode, as an unsigned number of 32 bits. */
  readonly status: number;
  readonly variant: Variant | null;
};

const badWaitingForInitialData = 0x8032_0000;
const nodeIsGone = new Set([0x8034_0000, 0x8033_0000]);
/** InfoType DataValue and its overflow bit (OPC 10000-4, 7.39.1). */
const overflowBits = 0x0480;
/** The times of OPC-UA begin in 1601; what is before 1970 says that there is none. */
const earliestMs = 0;

export function readSample(handle: number, dataValue: DataValue, arrivedMs: number): Sample {
  const { sourceTimestamp, serverTimestamp, statusCode, value } = dataValue;
  const picoseconds = sourceTimestamp ? dataValue.sourcePicoseconds : dataValue.serverPicoseconds;
  const wholeMs = sourceTimestamp?.getTime() ?? serverTimestamp?.getTime() ?? arrivedMs;
  return {
    handle,
    timeMs: wholeMs > earliestMs ? wholeMs + picoseconds / 1e9 : arrivedMs,
    status: statusCode.value,
    variant: value ?? null,
  };
}

/** The server has not read the node yet: this is no sample of it. */
export const isBeforeFirst = ({ status }: Sample) => (status & 0xffff_0000) >>> 0 === badWaitingForInitialData;

/** The node is not there any more. */
export const isOfMissingNode = ({ status }: Sample) => nodeIsGone.has((status & 0xffff_0000) >>> 0);

/** Samples before this one were discarded at the server, whose queue was full. */
export const isAfterOverflow = ({ status }: Sample) => (status & overflowBits) === overflowBits;
