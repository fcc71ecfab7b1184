import { isConnectionLoss } from '../platform/database.ts';
import { isPartitionGone } from '../telemetry/append-store.ts';

/**
 * Whether an error is about the data: PostgreSQL's classes 22 (data exception) and 23 (integrity), or a fault of our own
 * code. Everything else, from a lost connection to a full disk, will pass, and the same batch is tried again.
 */
export function isPoison(error: unknown): boolean {
  if (!(error instanceof Error) || isConnectionLoss(error) || isPartitionGone(error)) return false;
  const { code } = error as { code?: string };
  if (code === undefined) return error instanceof TypeError || error instanceof RangeError || error instanceof URIError;
  return /^2[23]...$/.test(code);
}

/** Why a message is in quarantine after such an error. */
export function notStorable(error: unknown): { readonly reason: 'not_storable'; readonly detail: string } {
  const said = error instanceof Error ? error.message : String(error);
  return { reason: 'not_storable', detail: `the message could not be stored: ${said}` };
}
