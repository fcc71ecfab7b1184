/**
 * Messages that are no telemetry. What a device publishes under a topic that is granted and names no readings is for other
 * devices when somebody subscribes to it, present or away, or when it is retained for those who will: then it is
 * forwarded, and is no mistake. What nobody would ever see is kept in quarantine as `unknown_topic`.
 */
import type { Rejected } from './decode/protocol.ts';
import type { Forwarding } from './mqtt/broker/forwarding.ts';

/** Under these levels a topic that is not understood is a misspelt one, whoever listens. */
const telemetryLevels: ReadonlySet<string> = new Set(['telemetry', 'v1', 'spBv1.0']);

/** The rejections of a batch without those of messages for other devices. */
export function withoutMessagesBetweenDevices(
  rejected: readonly Rejected[],
  isHeard: Forwarding['isHeard'],
): readonly Rejected[] {
  return rejected.filter(({ message: { origin, topic, retain }, rejection }) => {
    if (rejection.reason !== 'unknown_topic' || /[+#]|^\$/.test(topic)) return true;
    if (telemetryLevels.has(topic.split('/', 1)[0] as string)) return true;
    return !(retain || isHeard(origin.device.tenantId, topic));
  });
}
