/** The log-ins of a person as that person sees them: where they are logged in, to end what they do not know. */
import { z } from 'zod';
import { Id, Instant } from '../../platform/fields.ts';
import { columns, listOf, listQuery } from '../../platform/list-query.ts';

export const OwnSession = z
  .object({
    id: Id,
    current: z.boolean().describe('Whether it is the one that asks.'),
    address: z.string().describe('Where the person logged in from.'),
    user_agent: z.string().describe('With what, as that says of itself.'),
    created_at: Instant.describe('When the person logged in.'),
    updated_at: Instant.describe('When it was last refreshed.'),
    expires_at: Instant.describe('When it is over, unless it is refreshed before.'),
  })
  .meta({ id: 'Session' });
export type OwnSession = z.infer<typeof OwnSession>;

export const sessionList = listOf({
  name: 'sessions',
  id: 'session.id',
  columns: { created_at: columns.instant('session.created_at'), expires_at: columns.instant('session.expires_at') },
});

export const SessionQuery = listQuery(sessionList, {});
