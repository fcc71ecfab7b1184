/** A session of its own for one purpose: testing a connection, browsing, writing. */
import type { ClientSession, OPCUAClient } from 'node-opcua-client';
import type { ConnectionSpec } from '../connection.ts';
import { openChannel } from './open-channel.ts';
import { createSession } from './session.ts';
import { TroubleError, troubleOf } from './trouble.ts';
import type { Application, Trust } from './trust.ts';

export type OpenSession = {
  readonly session: ClientSession;
  readonly client: OPCUAClient;
  /** The server's NamespaceArray. */
  readonly namespaces: readonly string[];
  /** Closes session and connection. Never rejects. */
  close(): Promise<void>;
};

const sessionMsMax = 60_000;

/** Opens a session as a connection's specification says. Throws a TroubleError, whose trouble says what is wrong. */
export async function openSession(
  spec: ConnectionSpec,
  { application, trust }: { readonly application: Application; readonly trust: Trust },
): Promise<OpenSession> {
  const channel = await openChannel(spec, { application, trust, sessionMsMax });
  try {
    const session = await createSession(channel.client, spec.identity);
    const close = async () => {
      await session.close(true).catch(() => {});
      await channel.close();
    };
    try {
      return { session, client: channel.client, namespaces: await session.readNamespaceArray(), close };
    } catch (error) {
      await close();
      throw error;
    }
  } catch (error) {
    await channel.close();
    throw new TroubleError(troubleOf(error), { cause: error });
  }
}
