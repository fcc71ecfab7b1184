import { z } from 'zod';
import type { Mount, RouteScope } from '../../platform/mount.ts';
import { mediaTypeOf, refuseMediaType } from './request-body.ts';
import { answerJson, answerNdjson, type TelemetryNeeds, type TelemetryRequest } from './take-telemetry.ts';

const Verdict = z
  .object({
    row: z.int().describe('Which row: the first is 0; empty lines are none.'),
    verdict: z.enum(['stored', 'duplicate', 'conflict', 'refused']),
    reason: z.string().optional().meta({ example: 'unknown_point' }),
    detail: z.string().optional(),
  })
  .meta({ id: 'RowVerdict' });

const TelemetryVerdicts = z
  .object({
    received: z.int().describe('How many rows came.'),
    stored: z.int(),
    duplicates: z.int().describe('There already with the same value.'),
    conflicts: z.int().describe('There already with another value, which stays: the first wins.'),
    refused: z.int(),
    verdicts: z
      .array(Verdict)
      .describe('Of each row, in their order; with Prefer: return=minimal of refused ones alone.'),
  })
  .meta({ id: 'TelemetryVerdicts' });

const Time = z.union([z.string(), z.number()]).optional();
const TelemetryRow = z.strictObject({
  value: z.union([z.number(), z.boolean(), z.string(), z.null()]),
  time: Time,
  ts: Time.describe('Another name of time.'),
  timestamp: Time.describe('Another name of time.'),
  quality: z.union([z.string(), z.number()]).optional(),
});
const NamedRow = z.strictObject({
  site: z.string().optional(),
  asset: z.string().optional(),
  point: z.string().optional(),
  point_id: z.string().optional(),
  uri: z.string().optional(),
  ...TelemetryRow.shape,
});

/** Shown and not checked: a body is a stream, whose rows are judged one by one. */
function bodyOf(row: typeof TelemetryRow | typeof NamedRow, description: string, example: unknown): z.ZodType {
  const rows = z.array(row).max(10_000);
  const { $schema: _, ...shown } = z.toJSONSchema(z.union([row, rows, z.strictObject({ readings: rows })]));
  return z
    .unknown()
    .meta({ description, examples: [example], override: (given) => Object.assign(given.jsonSchema, shown) });
}

const mediaTypes = ['application/json', 'application/x-ndjson'];
const ndjsonTypes = ['application/x-ndjson', 'application/ndjson', 'application/jsonl', 'application/jsonlines'];

const verdicts = `
Each row is judged by itself: a good one is stored whatever the others are, and the answer is 200, with a verdict for each row, after
all that can be stored has been committed. \`stored\`; \`duplicate\`: there already with the same value; \`conflict\`: there already with
another value, which stays; \`refused\`: not stored, with a reason and a detail. A body that cannot be read at all is 400.
`.trim();

const names = `
A row names its point by \`site\`, \`asset\` and \`point\`, by \`point_id\`, by the point's own \`uri\`, or by the asset's \`uri\` and \`point\`.
Where a site discovers points, those that are not there are made.
`.trim();

const forms = `
\`value\` is a number, a boolean, the name of one of the point's states, or null; \`time\` (also \`ts\` or \`timestamp\`) is ISO 8601, read in the
site's zone where it has none, or a number of seconds, milliseconds, microseconds or nanoseconds since 1970; absent, it is now.
\`quality\` is good, uncertain or bad, or an OPC quality such as 192; absent, it is good.

As \`application/json\` a body is one row, an array of rows, or \`{"readings": [...]}\`: 8 MiB and 10,000 rows at most. As
\`application/x-ndjson\` it is a row a line, of any length, and so is the answer: verdicts as batches are committed, and a last line
\`{"summary": {...}}\`; an answer without it was cut, and what it does not tell of must be sent again. \`Prefer: return=minimal\`
asks for one JSON object instead, after the last row, with the verdicts of the first 1,000 refused rows. \`Content-Encoding: gzip\` is taken.

Idempotent by nature: a point has one value at one time, so the same rows again are duplicates. With an Idempotency-Key the first
answer comes again; an NDJSON body is then taken whole, within the limits of a JSON body, and answered as JSON.
`.trim();

/** Takes readings over HTTP: POST /telemetry, and POST /points/{id}/readings for those of one point. */
export function telemetryRoutes(app: RouteScope, mount: Mount, needs: TelemetryNeeds): void {
  app.register((scope, _options, done) => {
    takeStreams(scope as unknown as RouteScope);
    rowsRoute(scope as unknown as RouteScope, mount, needs);
    readingsRoute(scope as unknown as RouteScope, mount, needs);
    done();
  });
}

/** Leaves bodies as they come, for the handlers to read. */
export function takeStreams(scope: RouteScope): void {
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser('*', (_request, _payload, done) => done(null, undefined));
}

const config = { scope: 'telemetry:write', streams: true, isIngest: true } as const;
const ndjson = z.string().describe('A verdict a line, and the summary in the last.');
const answers = (mount: Mount) => ({
  200: {
    description: 'What became of each row; whatever is stored is committed.',
    content: {
      'application/json': { schema: mount.oneOf(TelemetryVerdicts) },
      'application/x-ndjson': { schema: ndjson },
    },
  },
});

function rowsRoute(scope: RouteScope, mount: Mount, needs: TelemetryNeeds): void {
  const schema = {
    operationId: mount.operationId('writeTelemetry'),
    summary: 'Write measurements of any points',
    description: [verdicts, names, forms].join('\n\n'),
    tags: ['Telemetry'],
    consumes: mediaTypes,
    params: mount.listParams,
    body: bodyOf(NamedRow, 'Rows.', rowsExample),
    response: answers(mount),
  };
  scope.post(mount.list('telemetry'), { config, schema }, async (request, reply) => {
    const { site } = request.area;
    const given = { request, reply, mount, siteId: site?.id ?? null };
    return answer({ ...given, defaults: { site: site?.slug ?? null, pointId: null } }, needs);
  });
}

function readingsRoute(scope: RouteScope, mount: Mount, needs: TelemetryNeeds): void {
  const schema = {
    operationId: mount.operationId('writeReadings'),
    summary: 'Write measurements of one point',
    description: ['A row has no names: the path names the point.', verdicts, forms].join('\n\n'),
    tags: ['Points'],
    consumes: mediaTypes,
    params: mount.memberParams,
    body: bodyOf(TelemetryRow, 'Rows without names.', readingsExample),
    response: answers(mount),
  };
  scope.post(mount.member('points', '/readings'), { config, schema }, async (request, reply) => {
    const { id: pointId } = request.params;
    await needs.getPoint(request, pointId);
    const given = { request, reply, mount, siteId: request.area.site?.id ?? null };
    return answer({ ...given, defaults: { site: null, pointId } }, needs);
  });
}

async function answer(given: TelemetryRequest, needs: TelemetryNeeds) {
  const { request } = given;
  const mediaType = mediaTypeOf(request.headers);
  const isStream = ndjsonTypes.includes(mediaType);
  if (!isStream && mediaType !== 'application/json') refuseMediaType(mediaType, mediaTypes);
  const isMinimal = /(^|[,;\s])return\s*=\s*"?minimal\b/i.test(String(request.headers.prefer ?? ''));
  if (isStream && request.headers['idempotency-key'] === undefined) return answerNdjson({ ...given, isMinimal }, needs);
  return answerJson({ ...given, isMinimal, isStream }, needs);
}

const rowsExample = {
  readings: [
    { site: 'ucl-east-campus', asset: 'AHU-01', point: 'sat', time: '2026-03-17T17:00:00Z', value: 13.2 },
    {
      site: 'ucl-east-campus',
      asset: 'AHU-01',
      point: 'sat',
      time: '2026-03-17T17:01:00Z',
      value: null,
      quality: 'bad',
    },
  ],
};
const readingsExample = [
  { time: '2026-03-17T17:02:00Z', value: 13.2 },
  { time: 1773766980, value: null, quality: 'bad' },
];
