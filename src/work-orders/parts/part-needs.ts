import type { Files } from '../../files/files.ts';
import type { Db } from '../../platform/database.ts';
import type { Shell } from '../../platform/mount.ts';
import type { Paging } from '../../platform/paging.ts';

/** What the routes of parts of a work order need. */
export type PartNeeds = {
  readonly db: Db;
  readonly paging: Paging;
  readonly shell: Shell;
  readonly files: Files;
};

export const partTags = ['Work orders'];
export const partRead = { scope: 'work-orders:read' } as const;
export const partWrite = { scope: 'work-orders:write' } as const;
/** A form is read as it comes, and watches the clock itself. */
export const partUpload = { ...partWrite, streams: true } as const;
