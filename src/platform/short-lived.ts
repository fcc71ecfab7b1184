import { setFlagsFromString } from 'node:v8';

/**
 * From now on objects are made among the young ones, wherever in the source they are made. V8 learns of each place that makes arrays
 * or objects whether these outlive its minor collections, and if so makes them among the old ones at once. A burst teaches it that of
 * batches and answers; each of them then holds, dead, all that it refers to, until the next full collection. Measured at 30,000 messages
 * a second: of 48 MB 13 survived a minor collection, and 0.5 do now, which makes it 5 to 15 times as short.
 */
export function makeObjectsYoung(): void {
  setFlagsFromString('--no-allocation-site-pretenuring');
}
