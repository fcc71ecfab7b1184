import { z } from 'zod';
import { Instant } from '../../platform/fields.ts';

/** Who did something, by name. */
const ActivityActor = z
  .object({
    kind: z.enum(['key', 'user', 'rule', 'device', 'system']),
    id: z.string().nullable().describe('Of a key, a person or a device, or the name of a rule; null for the system.'),
    name: z.string().describe('As people know it.'),
    user_id: z.string().nullable().describe('The person in whose name a key acts, or who is logged in.'),
    username: z.string().nullable(),
  })
  .meta({ id: 'ActivityActor' });
export type ActivityActor = z.infer<typeof ActivityActor>;

/** Something that happened to a work order, or to what hangs on it; it is never changed. */
export const Activity = z
  .object({
    seq: z.int().describe('Its number in the log of events: of two, the later one has the greater.'),
    type: z.string().meta({ example: 'work_order.status_changed' }),
    actor: ActivityActor,
    at: Instant,
    changes: z
      .array(z.object({ field: z.string(), from: z.unknown(), to: z.unknown() }))
      .describe('What changed, from which value to which.'),
    data: z.record(z.string(), z.unknown()).describe('What it is about as it was then, in short.'),
  })
  .meta({ id: 'Activity' });
export type Activity = z.infer<typeof Activity>;
