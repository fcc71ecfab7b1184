/** The last samples of a variable, in rings of numbers: 24 bytes a sample, where the library's own historian takes some 500. */
import { DataType, DataValue, type StatusCode, StatusCodes, Variant } from 'node-opcua';

type Details = { startTime?: Date | null; endTime?: Date | null };

export type RingHistory = {
  push(value: DataValue): Promise<void>;
  extractDataValues(
    details: Details,
    valuesMax: number,
    isReversed: boolean,
    isReverseWanted: boolean,
    callback: (error: Error | null, values?: DataValue[]) => void,
  ): void;
};

/** Keeps `samplesMax` of them; the oldest go first. Text is kept as it is. */
export function createRingHistory(dataType: keyof typeof DataType, samplesMax: number): RingHistory {
  const isText = dataType === 'String';
  const times = new Float64Array(samplesMax);
  const statuses: StatusCode[] = new Array(samplesMax);
  const values: Float64Array | unknown[] = isText ? new Array(samplesMax) : new Float64Array(samplesMax);
  let count = 0;

  function at(index: number): DataValue {
    const slot = index % samplesMax;
    const time = new Date(times[slot] ?? 0);
    const kept = values[slot];
    return new DataValue({
      value: new Variant({ dataType: DataType[dataType], value: dataType === 'Boolean' ? kept === 1 : kept }),
      sourceTimestamp: time,
      serverTimestamp: time,
      statusCode: statuses[slot] ?? StatusCodes.Good,
    });
  }

  return {
    push: async (sample) => {
      const slot = count % samplesMax;
      times[slot] = sample.sourceTimestamp?.getTime() ?? 0;
      statuses[slot] = sample.statusCode;
      const { value } = sample.value;
      values[slot] = isText ? value : Number(value);
      count += 1;
    },
    extractDataValues: ({ startTime, endTime }, valuesMax, isReversed, isReverseWanted, callback) => {
      const fromMs = timeOf(startTime) ?? Number.NEGATIVE_INFINITY;
      const toMs = timeOf(endTime) ?? Number.POSITIVE_INFINITY;
      const found: number[] = [];
      for (let index = Math.max(0, count - samplesMax); index < count; index++) {
        const time = times[index % samplesMax] ?? 0;
        if (time >= fromMs && time <= toMs) found.push(index);
      }
      if (isReversed !== isReverseWanted) found.reverse();
      callback(null, (valuesMax > 0 ? found.slice(0, valuesMax) : found).map(at));
    },
  };
}

/** A time that is not said is the first of OPC-UA's calendar, in 1601. */
function timeOf(date: Date | null | undefined): number | undefined {
  return date && date.getTime() > 0 ? date.getTime() : undefined;
}
