import type { FastifyRequest } from 'fastify';
import { refusals } from '../platform/refusals.ts';
import { findUnstorable } from '../platform/storable.ts';

/** Refuses, for every route at once, what no part of the program can hold. */
export function checkHygiene({ params, query, body }: FastifyRequest): void {
  for (const [place, part] of [
    ['path', params],
    ['query', query],
    ['body', body],
  ] as const) {
    const wrong = findUnstorable(part);
    if (wrong) throw refusals.invalid([{ in: place, ...wrong }]);
  }
}
