import type { List } from '../../src/platform/list-query.ts';
import { createPaging, type ListRequest } from '../../src/platform/paging.ts';

/** The first page of a list in its own order, as stores are asked for it. */
export function firstPageOf(list: List, limit = 200): ListRequest {
  return createPaging('a secret of the tests').list(list, { limit }, { of: [], timeZone: 'UTC' }).page;
}
