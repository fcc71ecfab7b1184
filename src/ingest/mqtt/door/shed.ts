import type { IngestCounters } from '../../intake/counters.ts';
import type { Intake } from '../../intake/intake.ts';
import type { MqttGuest } from '../broker/session.ts';

/** Devices closed in one step; a step is a sweep of the door, half a second. */
const closedMax = 25;

type Options = { readonly intake: Intake; readonly counters: IngestCounters };

/**
 * One step of closing the devices that wait for a commit while the intake is shedding: those with most bytes waiting
 * first, so that they turn to what they can store themselves. One whose messages are in the spool waits for nothing, and stays.
 */
export function shedWaiting(guests: ReadonlySet<MqttGuest>, { intake, counters }: Options): void {
  if (intake.state() !== 'shedding') return;
  const waiting = [...guests].filter(({ session, endReason }) => !endReason && (session?.waiting() ?? 0) > 0);
  waiting.sort((one, other) => (other.session?.waitingBytes() ?? 0) - (one.session?.waitingBytes() ?? 0));
  for (const guest of waiting.slice(0, closedMax)) {
    counters.refused.inc({ reason: 'database_away' });
    guest.endReason = 'connection_lost';
    guest.connection.end();
  }
}
