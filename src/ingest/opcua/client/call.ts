/** One request and its answer, past the library's own queues and repairs. */
import type { ClientSession, OPCUAClient } from 'node-opcua-client';
import { ServiceError, statusOf } from './trouble.ts';

/** A session and the client whose channel it uses. */
export type Caller = { readonly client: OPCUAClient; readonly session: ClientSession };

type Answer = { responseHeader: { serviceResult: { value: number; name: string } } };
type Transactor = {
  performMessageTransaction(request: unknown, callback: (error: Error | null, answer?: unknown) => void): void;
};

/**
 * Sends a request and waits for its answer, at most timeoutMs. Throws a ServiceError where the server answered that it
 * will not, and another error where it did not answer.
 */
export function call<Response>(
  { client, session }: Caller,
  request: { requestHeader: { authenticationToken: unknown; timeoutHint: number } },
  timeoutMs = 20_000,
): Promise<Response> {
  const name = request.constructor.name.replace(/Request$/, '');
  request.requestHeader.authenticationToken = (
    session as unknown as { authenticationToken: unknown }
  ).authenticationToken;
  request.requestHeader.timeoutHint = timeoutMs;
  return new Promise((resolve, reject) => {
    (client as unknown as Transactor).performMessageTransaction(request, (error, answer) => {
      if (error) {
        const status = statusOf(error);
        reject(
          status === null ? new Error(`${name}: ${error.message}`, { cause: error }) : new ServiceError(name, status),
        );
        return;
      }
      const { serviceResult } = (answer as Answer).responseHeader;
      if (serviceResult.value >= 0x4000_0000) reject(new ServiceError(name, serviceResult.name));
      else resolve(answer as Response);
    });
  });
}
