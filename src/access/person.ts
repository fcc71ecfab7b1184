import { z } from 'zod';
import { Id } from '../platform/fields.ts';

/** A person where something names one: enough to greet them by. */
export const Person = z.object({ id: Id, username: z.string(), email: z.string() }).meta({ id: 'Person' });
export type Person = z.infer<typeof Person>;

/** The person whose id a row has, with what was joined to it; null where it has none. */
export function personOf(id: string | null, username: string | null, email: string | null): Person | null {
  return id === null ? null : { id, username: username ?? '', email: email ?? '' };
}
