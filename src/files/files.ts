/**
 * The files of a tenant's things: taken from a form, kept on disk or in S3, sent, and removed after what they belonged to is gone.
 *
 *   form ─▶ incoming/{id}, counted, hashed, looked at ─▶ row `coming` ─▶ disk or S3 ─▶ row `kept`, with what it belongs to
 *
 * Before its row there are no bytes, and after its bytes no row, so nothing is ever orphaned: what is broken off in between is a
 * row that the housekeeping finds. Bytes pass through, and are never whole in memory.
 */
import { link, mkdir, readdir, readFile, stat, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Db } from '../platform/database.ts';
import { createPatientSlots } from '../platform/fair-gate.ts';
import { newId } from '../platform/id.ts';
import type { Log } from '../platform/log.ts';
import { refusals } from '../platform/refusals.ts';
import { createDiskBytes } from './disk-bytes.ts';
import type { KeptFile } from './file.ts';
import { type FileBytes, keyOf } from './file-bytes.ts';
import {
  claimFiles,
  deleteDropped,
  dropAbandoned,
  dropComing,
  insertComing,
  listDropped,
  type NewFile,
} from './file-store.ts';
import { discardFile, type ReceivedFile } from './receive-file.ts';
import { type FormShape, type ReceivedForm, receiveForm, uploadMsMax } from './receive-form.ts';
import { createS3Bytes, type S3Settings } from './s3-bytes.ts';
import { type Offered, sendFile } from './send-file.ts';

export type FilesOptions = {
  /** What lies on disk, and what is coming in; no other installation uses it. */
  readonly folder: string;
  /** Absent: new files lie on disk. */
  readonly s3?: S3Settings | undefined;
  /** How large one file may be. */
  readonly bytesMax: number;
  /** How long an upload waits for a place, in milliseconds; absent: 10 s. */
  readonly waitMsMax?: number;
  readonly log: Log;
};

export type Files = {
  /**
   * Takes a form to the disk of this machine, and removes it from there after `use`. Throws uploads_busy and what receiveForm
   * throws.
   */
  receive<F, R>(request: FastifyRequest, shape: FormShape<F>, use: (form: ReceivedForm<F>) => Promise<R>): Promise<R>;
  /** Where something that is made of a file may lie until it is kept as well. */
  readonly incoming: string;
  /**
   * Keeps files, and gives their ids to `use`, whose transaction claims them; those that it does not claim are given up. Throws
   * file_storage_unavailable.
   */
  keep<R>(db: Db, tenantId: string, given: { files: readonly ReceivedFile[]; use: Use<R> }): Promise<R>;
  /** Makes files those of what the transaction writes; throws file_storage_unavailable where they were given up meanwhile. */
  claim(trx: Db, which: { tenantId: string; ids: readonly string[] }): Promise<void>;
  /** Answers with a file, or with the part of it that is asked for. */
  send(request: FastifyRequest, reply: FastifyReply, offered: Offered): Promise<FastifyReply>;
  /** Removes what belongs to nothing any more; any number of processes may do so. */
  sweep(db: Db): Promise<void>;
};

type Use<R> = (ids: readonly string[]) => Promise<R>;

const uploads = { inAllMax: 16, ofPartyMax: 6 };
/** Of one that waits nothing is read, so that it costs its connection alone. */
const uploadsWaiting = { waitMsMax: 10_000, waitingMax: 200 };
/** Longer than an upload takes, and what comes after it. */
const abandonedMs = 2 * uploadMsMax;
const sweptAtOnce = 500;

/** Files as the options say; nothing is opened before the first comes. */
export function createFiles({ folder, s3, bytesMax, waitMsMax = uploadsWaiting.waitMsMax, log }: FilesOptions): Files {
  const incoming = join(folder, 'incoming');
  const disk = createDiskBytes(join(folder, 'kept'));
  const bucket = s3 && createS3Bytes(s3);
  const usual: FileBytes = bucket ?? disk;
  const slots = createPatientSlots(uploads, { ...uploadsWaiting, waitMsMax });
  let holder: Promise<string> | undefined;
  const holderOf = async (bytes: FileBytes) => {
    if (bytes.kind !== 'disk') return null;
    // A folder that cannot be written to is tried again.
    holder ??= keptHolderId(folder).catch((error: unknown) => {
      holder = undefined;
      throw error;
    });
    return holder;
  };
  const bytesOf = async ({ storage, holderId }: KeptFile) => {
    const bytes = storage === 'disk' ? disk : bucket;
    if (!bytes) throw refusals.fileStorageUnavailable(new Error('the file is in S3, and the settings name none'));
    if (holderId !== (await holderOf(bytes)))
      throw refusals.fileStorageUnavailable(new Error('the file is on the disk of another installation'));
    return bytes;
  };
  return {
    incoming,
    async receive(request, shape, use) {
      const leave = await slots(request.area.caller.tenantId);
      if (!leave) throw refusals.uploadsBusy();
      try {
        // Who went away while it waited sends nothing more, and would keep the place for as long as nothing may come.
        if (request.raw.errored) throw request.raw.errored;
        const form = await receiveForm(request, shape, { folder: incoming, bytesMax });
        // By which a repeated request is known: what was said of the file, and the file's own hash.
        request.bodyBytes = Buffer.concat([form.file.sha256, Buffer.from(JSON.stringify(form.fields))]);
        try {
          return await use(form);
        } finally {
          await discardFile(form.file);
        }
      } finally {
        leave();
      }
    },
    async keep(db, tenantId, { files, use }) {
      const holderId = await holderOf(usual);
      const rows = files.map(
        (file): NewFile => ({ ...file, ...{ id: newId(), tenantId, storage: usual.kind, holderId } }),
      );
      const ids = rows.map(({ id }) => id);
      await insertComing(db, rows);
      try {
        await keepBytes(usual, rows, files);
        return await use(ids);
      } finally {
        // Where even this fails, the housekeeping finds them.
        await dropComing(db, { tenantId, ids }).catch((cause: unknown) =>
          log.warn({ err: cause }, 'files were not dropped'),
        );
      }
    },
    async claim(trx, which) {
      if (!(await claimFiles(trx, which)))
        throw refusals.fileStorageUnavailable(new Error('the upload took so long that its file was given up'));
    },
    async send(request, reply, offered) {
      return sendFile(request, reply, { ...offered, bytes: await bytesOf(offered.file) });
    },
    async sweep(db) {
      await dropAbandoned(db, abandonedMs);
      await sweepIncoming(incoming);
      for (const bytes of bucket ? [disk, bucket] : [disk]) await sweepBytes(db, bytes, await holderOf(bytes));
    },
  };
}

async function keepBytes(bytes: FileBytes, rows: readonly NewFile[], files: readonly ReceivedFile[]): Promise<void> {
  try {
    for (const [index, row] of rows.entries()) await bytes.keep(keyOf(row), (files[index] as ReceivedFile).path);
  } catch (cause) {
    throw refusals.fileStorageUnavailable(cause);
  }
}

/** The bytes first, then the row: whoever is interrupted in between finds the row again. */
async function sweepBytes(db: Db, bytes: FileBytes, holderId: string | null): Promise<void> {
  for (;;) {
    const dropped = await listDropped(db, { storage: bytes.kind, holderId, limit: sweptAtOnce });
    if (dropped.length === 0) return;
    await bytes.remove(dropped.map(keyOf));
    await deleteDropped(
      db,
      dropped.map(({ id }) => id),
    );
  }
}

/** What a process that was killed has left behind in the middle of an upload. */
async function sweepIncoming(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Number.POSITIVE_INFINITY }));
    if (Date.now() - mtimeMs > abandonedMs) await discardFile({ path });
  }
}

/** Which folder this is, for ever: what another one holds is not there to be read or removed. */
async function keptHolderId(folder: string): Promise<string> {
  await mkdir(folder, { recursive: true });
  const file = join(folder, 'holder');
  const found = await readFile(file, 'utf8').catch(ignoring('ENOENT'));
  if (found !== undefined) return found.trim();
  // Whole before it has its name: of two processes that begin at once neither reads half of it.
  const draft = join(folder, `holder-${newId()}`);
  await writeFile(draft, newId());
  await link(draft, file).catch(ignoring('EEXIST'));
  await unlink(draft);
  return (await readFile(file, 'utf8')).trim();
}

function ignoring(code: string) {
  return (error: NodeJS.ErrnoException): undefined => {
    if (error.code !== code) throw error;
  };
}
