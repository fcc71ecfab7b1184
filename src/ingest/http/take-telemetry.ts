import { isUtf8 } from 'node:buffer';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Slots } from '../../platform/fair-gate.ts';
import type { Mount, Queue, Shell } from '../../platform/mount.ts';
import { Refusal } from '../../platform/refusal.ts';
import { refusals } from '../../platform/refusals.ts';
import { isObject, parseJson } from '../decode/payload.ts';
import type { JudgeRows, Verdict } from './judge-rows.ts';
import { readBody, readWholeBody } from './request-body.ts';
import { type RowDefaults, readRow } from './row.ts';
import { takeRows } from './take-rows.ts';
import { countIn, createVerdictStream, noCounts } from './verdicts.ts';

export type TelemetryNeeds = {
  readonly judge: JudgeRows;
  readonly slots: Slots;
  readonly shell: Shell;
  readonly queue: Queue;
  /** Finds a point that the request's caller may see; throws the refusal otherwise. */
  readonly getPoint: (request: FastifyRequest, id: string) => Promise<object>;
};

/** A request with what its path says of the rows. */
export type TelemetryRequest = {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly mount: Mount;
  readonly siteId: string | null;
  readonly defaults: RowDefaults;
};

type Asked = TelemetryRequest & { readonly isMinimal: boolean };

const idleMsMax = 30_000;
const bytesMax = 8 * 1_048_576;
const rowsMax = 10_000;
const wholeMsMax = 60_000;
const streamMsMax = 3_600_000;
/** How many refused rows a minimal answer tells of. */
const refusedMax = 1_000;

/** Answers a body that is taken whole, with one JSON object. */
export async function answerJson(asked: Asked & { isStream: boolean }, needs: TelemetryNeeds): Promise<FastifyReply> {
  const { request, reply, mount, defaults, isMinimal } = asked;
  return withSlot(asked, needs, async () => {
    const bytes = await readWholeBody(request.raw, { bytesMax, idleMsMax, totalMsMax: wholeMsMax });
    // By which a repeated request is known; the site of the path is part of it.
    request.bodyBytes = bytes;
    const rows = rowsOf(bytes, asked.isStream).map((row) => readRow(row, defaults));
    const write = async () => {
      const verdicts = await needs.judge(rows, { ...fromOf(asked), receivedMs: Date.now() });
      const counts = noCounts();
      countIn(counts, verdicts);
      const numbered = verdicts.map((verdict, row) => ({ row, ...verdict }));
      const shown = isMinimal ? numbered.filter(isRefused).slice(0, refusedMax) : numbered;
      return applied(mount.found({ ...counts, verdicts: shown }), isMinimal);
    };
    if (request.headers['idempotency-key'] !== undefined)
      return needs.shell.transact(request, reply, write, needs.queue);
    return needs.shell.send(request, reply, await write());
  });
}

/** Answers a stream of rows: with a stream of verdicts, or with one object after the last row where that is preferred. */
export async function answerNdjson(asked: Asked, needs: TelemetryNeeds): Promise<FastifyReply> {
  const body = readBody(asked.request.raw, { idleMsMax, totalMsMax: streamMsMax });
  return withSlot(asked, needs, (keep) =>
    asked.isMinimal ? answerAtEnd(body, asked, needs) : answerAlong(body, asked, { needs, keep }),
  );
}

async function answerAtEnd(
  body: AsyncIterable<Buffer>,
  asked: Asked,
  { judge, shell }: TelemetryNeeds,
): Promise<FastifyReply> {
  const counts = noCounts();
  const shown: object[] = [];
  const onVerdicts = (verdicts: readonly Verdict[]) => {
    verdicts.forEach((verdict, index) => {
      if (isRefused(verdict) && shown.length < refusedMax) shown.push({ row: counts.received + index, ...verdict });
    });
    countIn(counts, verdicts);
  };
  await takeRows(body, { judge, from: fromOf(asked), defaults: asked.defaults, onVerdicts });
  return shell.send(asked.request, asked.reply, applied(asked.mount.found({ ...counts, verdicts: shown }), true));
}

type Along = { readonly needs: TelemetryNeeds; readonly keep: (work: Promise<unknown>) => void };

/**
 * The status goes out with the first verdict, after the first commit; what ends the body before that is an error as usual.
 * Afterwards it can only be told in a last line, and by a body that does not end.
 */
async function answerAlong(body: AsyncIterable<Buffer>, asked: Asked, { needs, keep }: Along): Promise<FastifyReply> {
  const { request, reply } = asked;
  const counts = noCounts();
  const answer = createVerdictStream();
  const begun = Promise.withResolvers<void>();
  const onVerdicts = async (verdicts: readonly Verdict[]) => {
    countIn(counts, verdicts);
    answer.add(verdicts);
    begun.resolve();
    while (answer.isFull()) await answer.room();
  };
  const taken = takeRows(body, { judge: needs.judge, from: fromOf(asked), defaults: asked.defaults, onVerdicts });
  keep(taken);
  await Promise.race([begun.promise, taken]);
  taken.then(
    () => answer.end(counts),
    (error: unknown) => {
      request.log.warn({ err: error, request_id: request.id, rows: counts.received }, 'a stream of readings was cut');
      answer.fail(toldOf(error));
    },
  );
  return reply.type('application/x-ndjson').send(answer.stream);
}

function toldOf(error: unknown): { error: string; detail: string } {
  if (error instanceof Refusal) return { error: error.code, detail: error.message };
  return { error: 'database_unavailable', detail: 'not all rows could be stored; send those without a verdict again' };
}

/** Runs work while a slot of the tenant is held; work that goes on after the answer has begun is handed to `keep`. */
async function withSlot(
  { request }: Asked,
  { slots }: TelemetryNeeds,
  work: (keep: (more: Promise<unknown>) => void) => Promise<FastifyReply>,
): Promise<FastifyReply> {
  const leave = slots(request.area.caller.tenantId);
  if (!leave) throw refusals.telemetryBusy();
  let isKept = false;
  const keep = (more: Promise<unknown>) => {
    isKept = true;
    more.then(leave, leave);
  };
  try {
    return await work(keep);
  } finally {
    if (!isKept) leave();
  }
}

/** The rows of a whole body, none of them looked at yet. */
function rowsOf(bytes: Buffer, isStream: boolean): readonly unknown[] {
  if (!isUtf8(bytes)) throw refusals.malformedJson('it is not UTF-8');
  const text = bytes.toString('utf8').replace(/^\ufeff/, '');
  const rows = isStream
    ? text
        .split('\n')
        .filter((line) => line.trim() !== '')
        .map(parseJson)
    : jsonRows(text);
  if (rows.length > rowsMax)
    throw refusals.bodyTooLarge(
      `It may have ${rowsMax} rows; application/x-ndjson without Idempotency-Key takes any number.`,
    );
  return rows;
}

function jsonRows(text: string): readonly unknown[] {
  const given = parseJson(text);
  if (given === undefined)
    throw refusals.malformedJson(text.trim() === '' ? 'it is empty' : 'it is no JSON, or nested too deep');
  if (Array.isArray(given)) return given;
  if (!isObject(given))
    throw refusals.invalidBody('', 'invalid_type', 'must be a row, an array of rows or {"readings": [...]}');
  const { readings, ...others } = given;
  if (readings === undefined) return [given];
  const [other] = Object.keys(others);
  if (other !== undefined) throw refusals.invalidBody(`/${other}`, 'unknown', 'there is nothing beside readings');
  if (!Array.isArray(readings)) throw refusals.invalidBody('/readings', 'invalid_type', 'must be an array of rows');
  return readings;
}

function fromOf({ request, siteId }: Asked) {
  return { caller: request.area.caller, siteId };
}

function isRefused({ verdict }: { verdict: string }): boolean {
  return verdict === 'refused';
}

/** Says that a preference was heeded (RFC 7240, section 3). */
function applied<Answer extends { headers: Readonly<Record<string, string>> }>(
  answer: Answer,
  isMinimal: boolean,
): Answer {
  return isMinimal ? { ...answer, headers: { ...answer.headers, 'preference-applied': 'return=minimal' } } : answer;
}
