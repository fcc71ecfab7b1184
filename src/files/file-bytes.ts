/**
 * Where the bytes of files lie: on disk or in S3, under keys that this program makes, and that hold nothing of what anybody calls
 * a file.
 */
import type { Readable } from 'node:stream';

/** The first and the last byte, both included. */
export type ByteRange = { readonly start: number; readonly end: number };

export type FileBytes = {
  readonly kind: 'disk' | 's3';
  /** Takes a file of this machine under a key; once it resolves the bytes are there after the machine lost its power. */
  keep(key: string, path: string): Promise<void>;
  /** The bytes as a stream; rejects where there are none, before anything is read. */
  read(key: string, range?: ByteRange): Promise<Readable>;
  /** Removes what is there of these; what is not there is no error. */
  remove(keys: readonly string[]): Promise<void>;
};

/** The key of a file: the tenant's id, and its own. */
export function keyOf({ tenantId, id }: { readonly tenantId: string; readonly id: string }): string {
  return `${tenantId}/${id}`;
}
