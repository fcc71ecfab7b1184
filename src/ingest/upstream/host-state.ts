/**
 * The state of this host application of Sparkplug B at an external broker (Sparkplug B 3.0, 6.4.23): a death as the will of
 * its connection, a birth of the same time once it has subscribed, and a death before it says goodbye.
 */
import type { Log } from '../../platform/log.ts';
import type { ServerMessage } from '../publish.ts';
import { hostStatePayload } from '../sparkplug/host-state.ts';
import { stateTopic } from '../sparkplug/topic.ts';
import type { Link } from './link.ts';

export type OutsideState = {
  readonly topic: string;
  /** What the broker publishes when the connection that is made now is lost. */
  will(): ServerMessage;
  /** Says that the host is there (tck-id-host-topic-phid-birth-message). */
  sayOnline(link: Link | undefined): void;
  /** Says that it is not (tck-id-operational-behavior-host-application-termination). */
  sayOffline(link: Link | undefined): Promise<void>;
  /** Somebody has published under the host's state: an earlier will, perhaps. If it says offline, the truth is said again. */
  overheard(payload: Buffer, link: Link | undefined): void;
};

/** A state of which nobody has heard. */
export function createOutsideState(hostId: string, log: Log): OutsideState {
  const topic = stateTopic(hostId);
  let bornMs = Date.now();
  let isOnline = false;

  const message = (online: boolean): ServerMessage => {
    return { topic, payload: hostStatePayload({ online, timestampMs: bornMs }), qos: 1, retain: true };
  };
  const say = async (link: Link | undefined, online: boolean) => {
    isOnline = online;
    await link?.publish(message(online)).catch((error: unknown) => {
      log.warn({ err: error, topic }, 'the state of the host could not be told to the external broker');
    });
  };

  return {
    topic,
    will: () => {
      bornMs = Date.now();
      return message(false);
    },
    sayOnline: (link) => void say(link, true),
    sayOffline: (link) => say(link, false),
    overheard: (payload, link) => {
      if (isOnline && /"online"\s*:\s*false/.test(payload.toString('utf8', 0, 1_024))) void say(link, true);
    },
  };
}
