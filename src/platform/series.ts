/** Pieces of what lies in one thing in the order of time, such as the readings of a correction; each leads to the next by its cursor. */
import { z } from 'zod';
import { wholeNumber } from './fields.ts';
import type { Paging, Series } from './paging.ts';

const limitDefault = 1_000;

/** The query parameters that every such series takes. */
export const SeriesQuery = z.strictObject({
  limit: wholeNumber({ min: 1, max: 10_000, default: limitDefault }),
  cursor: z.string().max(1024).optional().describe('nextCursor of the page before.'),
});

type Asked<T> = {
  readonly query: z.output<typeof SeriesQuery>;
  /** Names the series, with its tenant: a cursor of another one is refused. */
  readonly list: readonly string[];
  /** Up to `limit` rows after a position (text), each with its own. */
  readonly read: (page: { after: string | undefined; limit: number }) => Promise<{ item: T; position: string }[]>;
};

/** The piece of a series that a query asks for. Throws cursor_invalid. */
export async function readSeries<T>(paging: Paging, { query, list, read }: Asked<T>): Promise<Series<T>> {
  const { limit = limitDefault, cursor } = query;
  const { position, binding } = paging.open(cursor, list);
  const found = await read({ after: position?.at, limit: limit + 1 });
  const last = found.length > limit ? found[limit - 1] : undefined;
  return {
    items: found.slice(0, limit).map(({ item }) => item),
    limit,
    nextCursor: last ? paging.sign({ at: last.position, id: '' }, binding) : null,
  };
}
