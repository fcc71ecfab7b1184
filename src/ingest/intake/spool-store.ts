/**
 * The messages that wait on the disk, in an SQLite file of their own: no other process may open it meanwhile. A commit is
 * written to the log and not flushed to the disk: it outlives the program, though not a failure of power, which is more
 * than QoS 0 asks for.
 */
import { mkdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Device } from '../../access/device.ts';
import type { Message, Origin, Sequenced } from './message.ts';

export type SpoolStore = {
  /** Writes messages in one transaction, but for those that are there already; tells how many. Throws when the disk is full. */
  insert(rows: readonly Sequenced[]): number;
  /** The first messages after a place in the order, and whether there are no others behind them. */
  read(after: number, limits: { messagesMax: number; bytesMax: number }): { rows: Sequenced[]; isWhole: boolean };
  deleteThrough(sequence: number): void;
  messages(): number;
  /** What the messages take in the file, with their share of its pages. */
  bytes(): number;
  lastSequence(): number;
  close(): void;
};

const fileName = 'messages.sqlite';
const rowBytes = 24;
const pageBytes = 4_096;
const emptyFileBytesMax = 16 * 1_024 * 1_024;
/** SQLite's result codes for a file that another process holds, and for one that is none of SQLite's or is damaged. */
const busy = 5;
const corrupt = 11;
const notDatabase = 26;

export type OpenedSpool = {
  readonly store: SpoolStore;
  /** Where a damaged file has been put, if one was there. */
  readonly damaged: string | undefined;
};

/**
 * Opens the file in `directory`, which is made if it is absent. One that cannot be read is put aside and another begun.
 * Throws when the folder cannot be used, or when another process uses the file.
 */
export function openSpoolStore(directory: string, bytesMax: number): OpenedSpool {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const file = join(directory, fileName);
  try {
    return { store: openStore(file, bytesMax), damaged: undefined };
  } catch (error) {
    const code = resultCode(error);
    if (code === busy) {
      throw new Error(`${file} is in use by another program: each that takes messages needs a DATA_DIR of its own`, {
        cause: error,
      });
    }
    if (code !== corrupt && code !== notDatabase) throw error;
    const damaged = `${file}.damaged-${Date.now()}`;
    for (const suffix of ['', '-wal']) renameIfThere(`${file}${suffix}`, `${damaged}${suffix}`);
    return { store: openStore(file, bytesMax), damaged };
  }
}

/** What messages take in the file. */
export function storedBytes({ topic, payload }: Message): number {
  return Buffer.byteLength(topic) + payload.length + rowBytes;
}

function openStore(file: string, bytesMax: number): SpoolStore {
  const db = new DatabaseSync(file);
  try {
    db.exec(`
      pragma locking_mode = exclusive; pragma journal_mode = wal; pragma synchronous = normal;
      pragma max_page_count = ${Math.ceil((bytesMax * 1.25) / pageBytes) + 256};
      create table if not exists device (id integer primary key, described text not null unique) strict;
      create table if not exists message (
        sequence integer primary key, device integer not null, qos integer not null, topic text not null,
        payload blob not null, received_ms real not null
      ) strict;`);
    return createStore(db);
  } catch (error) {
    db.close();
    throw error;
  }
}

type Row = {
  sequence: number;
  device: number;
  qos: 0 | 1 | 2;
  topic: string;
  payload: Uint8Array;
  received_ms: number;
};
type Totals = { messages: number; bytes: number };

function createStore(db: DatabaseSync): SpoolStore {
  const sum = `select count(*) as messages, coalesce(sum(octet_length(topic) + octet_length(payload) + ${rowBytes}), 0) as bytes from message`;
  const statements = {
    insert: db.prepare('insert or ignore into message values (?, ?, ?, ?, ?, ?)'),
    read: db.prepare('select * from message where sequence > ? order by sequence'),
    sumThrough: db.prepare(`${sum} where sequence <= ?`),
    delete: db.prepare('delete from message where sequence <= ?'),
  };
  const devices = createDevices(db);
  const total = db.prepare(sum).get() as Totals;
  const last = db.prepare('select max(sequence) as sequence from message').get() as { sequence: number | null };

  return {
    insert: (rows) => {
      const added = { messages: 0, bytes: 0 };
      const work = () => {
        for (const { sequence, message } of rows) {
          const { origin, qos, topic, payload, receivedMs } = message;
          const device = devices.idOf(origin.device);
          if (statements.insert.run(sequence, device, qos, topic, payload, receivedMs).changes === 0) continue;
          added.messages++;
          added.bytes += storedBytes(message);
        }
      };
      transact(db, { work, onRollback: devices.forgetIds });
      total.messages += added.messages;
      total.bytes += added.bytes;
      return added.messages;
    },
    read: (after, { messagesMax, bytesMax }) => {
      const rows: Sequenced[] = [];
      let bytes = 0;
      for (const row of statements.read.iterate(after) as Iterable<Row>) {
        if (rows.length >= messagesMax || bytes >= bytesMax) return { rows, isWhole: false };
        bytes += row.payload.length;
        rows.push(toMessage(row, devices.originOf(row.device)));
      }
      return { rows, isWhole: true };
    },
    deleteThrough: (sequence) => {
      const gone = statements.sumThrough.get(sequence) as Totals;
      if (gone.messages === 0) return;
      statements.delete.run(sequence);
      total.messages -= gone.messages;
      total.bytes -= gone.bytes;
      if (total.messages === 0) shrink(db, devices);
    },
    messages: () => total.messages,
    bytes: () => total.bytes,
    lastSequence: () => last.sequence ?? 0,
    close: () => db.close(),
  };
}

type Devices = {
  idOf(device: Device): number;
  originOf(id: number): Origin;
  /** What was written last is not there. */
  forgetIds(): void;
  /** Deletes them all. */
  clear(): void;
};

/** The devices of the messages: each is written once, and what is kept of them in memory goes with the last message. */
function createDevices(db: DatabaseSync): Devices {
  const insert = db.prepare('insert or ignore into device (described) values (?)');
  const find = db.prepare('select id from device where described = ?');
  const get = db.prepare('select described from device where id = ?');
  let ids = new WeakMap<Device, number>();
  let origins = new Map<number, Origin>();
  return {
    idOf: (device) => {
      const known = ids.get(device);
      if (known !== undefined) return known;
      const described = JSON.stringify(device);
      insert.run(described);
      const { id } = find.get(described) as { id: number };
      ids.set(device, id);
      return id;
    },
    originOf: (id) => {
      const known = origins.get(id);
      if (known) return known;
      const { described } = get.get(id) as { described: string };
      // Whoever sent it was told when it was written; nobody waits for it any more.
      const origin = { device: JSON.parse(described) as Device, settle: () => undefined, flush: () => undefined };
      origins.set(id, origin);
      return origin;
    },
    forgetIds: () => {
      ids = new WeakMap();
    },
    clear: () => {
      ids = new WeakMap();
      origins = new Map();
      db.exec('delete from device');
    },
  };
}

function toMessage({ sequence, qos, topic, payload, received_ms: receivedMs }: Row, origin: Origin): Sequenced {
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
  const kept = { messageId: undefined, isRepeated: false, isSpoolable: true };
  return { sequence, message: { origin, topic, payload: bytes, receivedMs, qos, ...kept } };
}

function shrink(db: DatabaseSync, devices: Devices): void {
  devices.clear();
  const { page_count: pages } = db.prepare('pragma page_count').get() as { page_count: number };
  if (pages * pageBytes > emptyFileBytesMax) db.exec('vacuum; pragma wal_checkpoint(truncate)');
}

function transact(db: DatabaseSync, { work, onRollback }: { work: () => void; onRollback: () => void }): void {
  db.exec('begin immediate');
  try {
    work();
    db.exec('commit');
  } catch (error) {
    // A full disk has ended the transaction already.
    if (db.isTransaction) db.exec('rollback');
    onRollback();
    throw error;
  }
}

function resultCode(error: unknown): number | undefined {
  return (error as { errcode?: number }).errcode;
}

function renameIfThere(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}
