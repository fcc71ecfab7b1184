/** What is needed to take up a connection where an earlier run of the program left it; sealed, since it names a session. */
import { createHash } from 'node:crypto';
import type { Sealer } from '../../platform/sealer.ts';
import type { KeptSession } from './client/session.ts';
import type { KeptSubscription } from './collector/port.ts';
import type { ConnectionSpec } from './connection.ts';

export type Resume = { readonly subscriptions: readonly KeptSubscription[]; readonly session: KeptSession | null };

type With = { readonly spec: ConnectionSpec; readonly sealer: Sealer };

export function sealResume(resume: Resume, { spec, sealer }: With): Buffer {
  return sealer.seal(JSON.stringify({ made: keyOf(spec), ...resume }), placeOf(spec));
}

/** Null where nothing was kept, or it was for a connection that has been changed since. */
export function openResume(sealed: Buffer | null, { spec, sealer }: With): Resume | null {
  if (sealed === null) return null;
  try {
    const { made, subscriptions, session } = JSON.parse(sealer.open(sealed, placeOf(spec))) as Resume & {
      made: string;
    };
    return made === keyOf(spec) ? { subscriptions, session } : null;
  } catch {
    return null; // SECRET is another: a session of its own is begun.
  }
}

/** What a collector is made for; another one is needed when this changes. */
export function keyOf({ endpointUrl, securityMode, securityPolicy, identity, ...spec }: ConnectionSpec): string {
  const { publishingIntervalMs, samplingIntervalMs, bridgeMs, history, device, epoch = 1 } = spec;
  const parts = [
    endpointUrl,
    securityMode,
    securityPolicy,
    identity,
    publishingIntervalMs,
    samplingIntervalMs,
    bridgeMs,
  ];
  return createHash('sha256')
    .update(JSON.stringify([...parts, history, device, epoch]))
    .digest('base64');
}

function placeOf({ id }: ConnectionSpec): string {
  return `opcua_connection ${id} resume`;
}

/** The latest of what is to be kept; who puts something where nothing waited has to see to its being written. */
export function createKeeping(save: (sealed: Buffer) => Promise<void>) {
  let latest: Buffer | undefined;
  return {
    put: (sealed: Buffer): boolean => {
      const isFirst = latest === undefined;
      latest = sealed;
      return isFirst;
    },
    write: async () => {
      while (latest !== undefined) {
        const taken = latest;
        await save(taken);
        if (latest === taken) latest = undefined;
      }
    },
  };
}
