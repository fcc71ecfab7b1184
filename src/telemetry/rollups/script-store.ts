/**
 * Several statements in one message, which is one trip to the server, with what they answer: rows as ever, and those of COPY as bytes,
 * since the driver reads every other answer as text.
 */
import type { RawBuilder } from 'kysely';
import pg from 'pg';
import type { Db } from '../../platform/database.ts';

type Answers = {
  /** The rows of each statement that is no COPY, in their order; none of those that give none. */
  readonly rows: readonly (readonly unknown[])[];
  /** The fields of each row of each COPY, in their order; null where a field is null, else at a multiple of eight bytes. */
  readonly copied: readonly (readonly (readonly (Buffer | null)[])[])[];
};

/** The text of a statement, for `runScript`. Throws when it has parameters, which a message of several statements cannot. */
export function textOf(db: Db, statement: RawBuilder<unknown>): string {
  const { sql, parameters } = statement.compile(db);
  if (parameters.length > 0) throw new TypeError(`a statement of a script has parameters: ${sql}`);
  return sql;
}

/** A COPY of a statement's rows, as `runScript` reads them. */
export function copyOf(text: string): string {
  return `copy (${text}) to stdout (format binary)`;
}

/** Runs statements on a connection, in one message. Rejects with the database's error; those that follow it are not run. */
export function runScript(client: pg.ClientBase, statements: readonly string[]): Promise<Answers> {
  return new Promise((resolve, reject) => {
    const copied: (Buffer | null)[][][] = [];
    const query = new pg.Query({ text: statements.join(';\n') }, (error, results) => {
      if (error) return reject(error);
      resolve({ rows: [results].flat().flatMap((result) => (result.command === 'COPY' ? [] : [result.rows])), copied });
    });
    const handleCopyData = ({ chunk }: { chunk: Buffer }) => {
      const isFirst = chunk.subarray(0, signature.length).equals(signature);
      if (isFirst) copied.push([]);
      const fields = splitRow(chunk, isFirst ? headerBytes : 0);
      if (fields) copied.at(-1)?.push(fields);
    };
    client.query(Object.assign(query, { handleCopyData }));
  });
}

/** What a COPY begins with; flags and the length of an extension follow, and the first row (PostgreSQL, COPY, binary format). */
const signature = Buffer.from('5047434f50590aff0d0a00', 'hex');
const headerBytes = signature.length + 8;

/**
 * The fields of a row, undefined for what ends the COPY: a copy, since the driver uses the bytes again. Each begins at a multiple of
 * eight bytes, so that columns of numbers can be used where they lie; one allocation for all of them, since the collector of
 * garbage looks at the memory outside of its heap after every few megabytes.
 */
function splitRow(chunk: Buffer, start: number): (Buffer | null)[] | undefined {
  const count = chunk.readInt16BE(start);
  if (count < 0) return undefined;
  const row = Buffer.from(new ArrayBuffer(chunk.length - start + 8 * count));
  const fields: (Buffer | null)[] = [];
  let from = start + 2;
  let to = 0;
  for (let i = 0; i < count; i++) {
    const length = chunk.readInt32BE(from);
    from += 4;
    fields.push(length < 0 ? null : row.subarray(to, to + length));
    if (length <= 0) continue;
    chunk.copy(row, to, from, from + length);
    from += length;
    to = Math.ceil((to + length) / 8) * 8;
  }
  return fields;
}
