/**
 * Every way in which the API refuses a request: one code, one status, one title each. A refusal is thrown where it is
 * found and answered in one place (src/api/problem.ts), always with the same body (RFC 9457). Codes are part of the
 * interface: they are added, never renamed. `GET /problems` serves this list.
 */

export const refusalList = {
  validation_failed: { status: 400, title: 'The request is not valid; errors names each part.' },
  malformed_json: { status: 400, title: 'The body is not JSON in UTF-8.' },
  malformed_request: { status: 400, title: 'The request is not well-formed HTTP.' },
  unsupported_version: { status: 400, title: 'Accept-Version names a version that this server does not have.' },
  cursor_invalid: { status: 400, title: 'The cursor is not one that this list gave for this filter.' },
  idempotency_key_invalid: { status: 400, title: 'Idempotency-Key is 1 to 255 printable ASCII characters.' },
  unauthenticated: { status: 401, title: 'The request carries no API key.' },
  api_key_invalid: { status: 401, title: 'No such API key.' },
  api_key_expired: { status: 401, title: 'The API key has expired.' },
  api_key_revoked: { status: 401, title: 'The API key was revoked.' },
  device_token_invalid: { status: 401, title: 'No such one-time token.' },
  device_token_expired: { status: 401, title: 'The one-time token has expired.' },
  device_token_revoked: { status: 401, title: 'The one-time token was revoked.' },
  api_key_disabled_by_plan: { status: 403, title: "API keys are not part of the tenant's plan." },
  scope_missing: { status: 403, title: 'The API key lacks the scope that this needs.' },
  site_forbidden: { status: 403, title: 'The API key is limited to other sites.' },
  route_not_found: { status: 404, title: 'There is nothing at this path.' },
  site_not_found: { status: 404, title: 'No such site.' },
  asset_not_found: { status: 404, title: 'No such asset.' },
  location_not_found: { status: 404, title: 'No such place.' },
  point_not_found: { status: 404, title: 'No such point.' },
  insight_not_found: { status: 404, title: 'No such insight.' },
  rule_not_found: { status: 404, title: 'No such rule.' },
  rule_override_not_found: { status: 404, title: 'No such override of rules.' },
  retention_policy_not_found: { status: 404, title: 'No such retention policy.' },
  topic_template_not_found: { status: 404, title: 'No such form of topics.' },
  opcua_connection_not_found: { status: 404, title: 'No such connection to an OPC-UA server.' },
  opcua_certificate_not_found: { status: 404, title: 'No such certificate of an OPC-UA server.' },
  work_order_not_found: { status: 404, title: 'No such work order.' },
  device_not_found: { status: 404, title: 'No such device.' },
  device_token_not_found: { status: 404, title: 'No such one-time token.' },
  import_not_found: { status: 404, title: 'No such import.' },
  quarantined_message_not_found: { status: 404, title: 'No such message in quarantine.' },
  correction_not_found: { status: 404, title: 'No such correction of readings.' },
  point_merge_not_found: { status: 404, title: 'No such merging of points.' },
  method_not_allowed: { status: 405, title: 'The path does not have this method; Allow names those it has.' },
  request_timeout: { status: 408, title: 'The request did not arrive in time.' },
  idempotency_in_progress: { status: 409, title: 'The first request with this Idempotency-Key is still running.' },
  import_ended: { status: 409, title: 'The import has ended, so that it cannot be cancelled.' },
  message_not_replayable: { status: 409, title: 'The message in quarantine cannot be replayed.' },
  device_conflict: { status: 409, title: 'Another device has what must be of one device alone; errors names it.' },
  device_of_connection: {
    status: 409,
    title: 'The device belongs to an OPC-UA connection, and is changed with that alone.',
  },
  device_revoked: { status: 409, title: 'The device was revoked, for good.' },
  opcua_connection_of_file: { status: 409, title: 'The connection is set by OPCUA_FILE, and changed there alone.' },
  opcua_not_writable: { status: 409, title: 'The connection does not allow this node to be written to.' },
  device_token_used: { status: 409, title: 'The one-time token was used before.' },
  site_exists: { status: 409, title: 'There is a site of that slug; errors names it.' },
  point_exists: { status: 409, title: 'The asset has a point of that name; errors names it.' },
  history_undecided: {
    status: 409,
    title: 'The point has readings, and the change does not say what it means for them.',
  },
  correction_not_revertible: { status: 409, title: 'The correction cannot be taken back.' },
  merge_not_possible: { status: 409, title: 'The two cannot be merged.' },
  asset_merged: { status: 410, title: 'The asset was merged into another, which has its points.' },
  point_merged: { status: 410, title: 'The point was merged into another, which has its readings.' },
  precondition_failed: { status: 412, title: 'If-Match does not name the present version.' },
  body_too_large: { status: 413, title: 'The body is larger than the limit.' },
  uri_too_long: { status: 414, title: 'A part of the path is longer than the limit.' },
  media_type_unsupported: { status: 415, title: 'The body has a media type that this path does not take.' },
  idempotency_key_reused: { status: 422, title: 'This Idempotency-Key was used with another body.' },
  resolution_dropped: { status: 422, title: 'Buckets so narrow, so long ago, are not kept any more.' },
  dry_run_too_large: { status: 422, title: 'The dry run asks for more than one request may.' },
  correction_too_large: { status: 422, title: 'The correction is about more readings than one request may change.' },
  query_too_large: { status: 422, title: 'The query asks for more than one answer may have.' },
  too_many_requests: { status: 429, title: 'Too many requests; Retry-After says when to come again.' },
  too_many_streams: { status: 429, title: 'The API key has as many live streams open as it may.' },
  headers_too_large: { status: 431, title: 'The header fields are larger than the limit.' },
  internal_error: { status: 500, title: 'The server failed; the request id finds it in the log.' },
  telemetry_busy: { status: 503, title: 'As many writes of readings as this server takes at once are under way.' },
  query_busy: { status: 503, title: 'As many queries of telemetry as this server runs at once are under way.' },
  import_busy: { status: 503, title: 'As many imports as this server takes at once are coming in.' },
  streams_busy: { status: 503, title: 'As many live streams as this server carries at once are open.' },
  database_unavailable: { status: 503, title: 'The database does not answer at present.' },
  opcua_browse_busy: {
    status: 503,
    title: 'As many looks at OPC-UA servers as this server takes at once are under way.',
  },
  model_import_busy: { status: 503, title: 'As many models as this server reads at once are being imported.' },
  dry_run_busy: { status: 503, title: 'As many dry runs as this server runs at once are under way.' },
} as const;

export type RefusalCode = keyof typeof refusalList;

/** One wrong part of a request: where it is (a JSON pointer, RFC 6901, into that part), what is wrong, and in words. */
export type FieldError = {
  readonly in: 'body' | 'query' | 'path' | 'header';
  readonly pointer: string;
  readonly code: string;
  readonly message: string;
};

/** A request that is refused: thrown by whoever finds the reason, answered by the API's error handler. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly code: RefusalCode;
  readonly errors: readonly FieldError[];
  readonly headers: Readonly<Record<string, string>>;

  constructor(code: RefusalCode, message: string, more: Partial<Pick<Refusal, 'errors' | 'headers' | 'cause'>> = {}) {
    super(message, more.cause === undefined ? undefined : { cause: more.cause });
    this.code = code;
    this.errors = more.errors ?? [];
    this.headers = more.headers ?? {};
  }

  get status(): number {
    return refusalList[this.code].status;
  }
}

/** The HTTP authentication challenge of RFC 6750, section 3. */
const challenge = (error?: string) => ({
  'www-authenticate': `Bearer realm="faultline"${error === undefined ? '' : `, ${error}`}`,
});
const invalidToken = challenge('error="invalid_token"');

/** As many as may run at once do so; a place is likely to be free after so long. */
const busy = (code: RefusalCode, retryAfterS: number) =>
  new Refusal(code, 'Wait until one of them has ended, then try again.', {
    headers: { 'retry-after': String(retryAfterS) },
  });

/** A property of the body that does not go together with what there is. */
function conflict(code: RefusalCode, pointer: string, message: string, cause?: unknown): Refusal {
  const error = { in: 'body', pointer, code: 'conflict', message } as const;
  return new Refusal(code, sentenceOf([error]), { errors: [error], cause });
}

/** What stages throw, by name; the arguments end up in the sentence that the client reads. */
export const refusals = {
  invalid: (errors: readonly FieldError[]) => new Refusal('validation_failed', sentenceOf(errors), { errors }),
  /** A property of the body that names something which does not exist, or not for this caller, or does not fit. */
  invalidBody: (pointer: string, code: string, message: string) =>
    refusals.invalid([{ in: 'body', pointer, code, message }]),
  malformedJson: (reason: string, cause?: unknown) =>
    new Refusal('malformed_json', `The body cannot be read: ${reason}.`, { cause }),
  unsupportedVersion: (asked: string, known: string) =>
    new Refusal('unsupported_version', `There is no version ${asked}; the present one is ${known}.`),
  cursorInvalid: () =>
    new Refusal(
      'cursor_invalid',
      'Use nextCursor as it was given, or the last id of a stream, with the same filter, or start again without it.',
    ),
  idempotencyKeyInvalid: () =>
    new Refusal('idempotency_key_invalid', 'Give 1 to 255 printable ASCII characters, quoted or bare.'),
  unauthenticated: () =>
    new Refusal('unauthenticated', 'Send the header Authorization: Bearer with an API key.', { headers: challenge() }),
  apiKeyInvalid: () => new Refusal('api_key_invalid', 'This API key is not known here.', { headers: invalidToken }),
  apiKeyExpired: () => new Refusal('api_key_expired', 'This API key has expired.', { headers: invalidToken }),
  apiKeyRevoked: () => new Refusal('api_key_revoked', 'This API key was revoked.', { headers: invalidToken }),
  apiKeyDisabledByPlan: () =>
    new Refusal('api_key_disabled_by_plan', 'The tenant is on the plan Free, which has no API keys.'),
  scopeMissing: (scope: string) =>
    new Refusal('scope_missing', `This needs the scope ${scope}, which the API key does not have.`, {
      headers: challenge(`error="insufficient_scope", scope="${scope}"`),
    }),
  siteForbidden: () => new Refusal('site_forbidden', "This lies at a site that is not among the API key's sites."),
  routeNotFound: (method: string, path: string) => new Refusal('route_not_found', `There is no ${method} ${path}.`),
  siteNotFound: (slug: string) => new Refusal('site_not_found', `There is no site ${slug}.`),
  assetNotFound: (id: string) => new Refusal('asset_not_found', `There is no asset ${id}.`),
  locationNotFound: (id: string) => new Refusal('location_not_found', `There is no place ${id}.`),
  pointNotFound: (id: string) => new Refusal('point_not_found', `There is no point ${id}.`),
  insightNotFound: (id: string) => new Refusal('insight_not_found', `There is no insight ${id}.`),
  ruleNotFound: (id: string) => new Refusal('rule_not_found', `There is no rule ${id}.`),
  ruleOverrideNotFound: (id: string) =>
    new Refusal('rule_override_not_found', `There is no override ${id}, or its time is over.`),
  retentionPolicyNotFound: (id: string) =>
    new Refusal('retention_policy_not_found', `There is no retention policy ${id}.`),
  topicTemplateNotFound: (id: string) => new Refusal('topic_template_not_found', `There is no form of topics ${id}.`),
  opcuaConnectionNotFound: (id: string) =>
    new Refusal('opcua_connection_not_found', `There is no connection ${id} to an OPC-UA server.`),
  opcuaCertificateNotFound: (fingerprint: string) =>
    new Refusal(
      'opcua_certificate_not_found',
      `No server has shown a certificate with the fingerprint ${fingerprint}.`,
    ),
  opcuaConnectionOfFile: (id: string) =>
    new Refusal('opcua_connection_of_file', `The connection ${id} stands in OPCUA_FILE; change it there.`),
  opcuaNotWritable: (node: string) =>
    new Refusal(
      'opcua_not_writable',
      `${node} is not among the writable_nodes of the connection; nothing was written.`,
    ),
  workOrderNotFound: (id: string) => new Refusal('work_order_not_found', `There is no work order ${id}.`),
  deviceNotFound: (id: string) => new Refusal('device_not_found', `There is no device ${id}.`),
  deviceTokenNotFound: (id: string) => new Refusal('device_token_not_found', `There is no one-time token ${id}.`),
  deviceConflict: (property: string, message: string, cause?: unknown) =>
    conflict('device_conflict', `/${property}`, message, cause),
  deviceOfConnection: (id: string) =>
    new Refusal('device_of_connection', `The device ${id} belongs to an OPC-UA connection; change or delete that.`),
  deviceRevoked: (id: string) =>
    new Refusal('device_revoked', `The device ${id} was revoked; register another in its place.`),
  deviceTokenInvalid: () =>
    new Refusal('device_token_invalid', 'This one-time token is not known here.', { headers: challenge() }),
  deviceTokenExpired: () =>
    new Refusal('device_token_expired', 'This one-time token has expired; ask for another.', { headers: challenge() }),
  deviceTokenRevoked: () =>
    new Refusal('device_token_revoked', 'This one-time token was revoked; ask for another.', { headers: challenge() }),
  deviceTokenUsed: () =>
    new Refusal(
      'device_token_used',
      'This one-time token has been used as often as it may be; ask for another, or repeat the first request with its Idempotency-Key within ten minutes.',
    ),
  tooManyRequests: (waitMs: number) =>
    new Refusal('too_many_requests', `Too many attempts failed; wait ${Math.ceil(waitMs / 1_000)} s.`, {
      headers: { 'retry-after': String(Math.ceil(waitMs / 1_000)) },
    }),
  methodNotAllowed: (method: string, allow: string) =>
    new Refusal('method_not_allowed', `${method} is not possible here; ${allow} are.`, { headers: { allow } }),
  idempotencyInProgress: () =>
    new Refusal('idempotency_in_progress', 'Wait for its answer, then ask again with the same key.', {
      headers: { 'retry-after': '1' },
    }),
  idempotencyKeyReused: (cause?: unknown) =>
    new Refusal('idempotency_key_reused', 'Use a new key for a new request; a key belongs to one body.', { cause }),
  preconditionFailed: (etag: string) =>
    new Refusal('precondition_failed', `It has changed since: its version is ${etag}.`, { headers: { etag } }),
  opcuaBrowseBusy: () => busy('opcua_browse_busy', 10),
  modelImportBusy: () => busy('model_import_busy', 5),
  resolutionDropped: (keptFrom: Date) =>
    new Refusal(
      'resolution_dropped',
      `What buckets of this width are made of is kept from ${keptFrom.toISOString()} on; begin there, or ask for wider ones.`,
    ),
  dryRunTooLarge: (reason: string) => new Refusal('dry_run_too_large', reason),
  dryRunBusy: () => busy('dry_run_busy', 5),
  requestTimeout: () => new Refusal('request_timeout', 'Nothing more came for too long.'),
  bodyTooLarge: (limit: string) => new Refusal('body_too_large', limit),
  telemetryBusy: () => busy('telemetry_busy', 1),
  queryTooLarge: (reason: string) => new Refusal('query_too_large', reason),
  queryBusy: () => busy('query_busy', 1),
  importBusy: () => busy('import_busy', 5),
  importNotFound: (id: string) => new Refusal('import_not_found', `There is no import ${id}.`),
  importEnded: (id: string, state: string) => new Refusal('import_ended', `The import ${id} is ${state} already.`),
  quarantinedMessageNotFound: (id: string) =>
    new Refusal('quarantined_message_not_found', `There is no message ${id} in quarantine, or not any more.`),
  correctionNotFound: (id: string) => new Refusal('correction_not_found', `There is no correction ${id}.`),
  pointMergeNotFound: (id: string) => new Refusal('point_merge_not_found', `There is no merging ${id}.`),
  siteExists: (slug: string) => {
    const message = `there is a site ${slug} already; change that one, or give another slug`;
    return conflict('site_exists', '/slug', message);
  },
  pointExists: (name: string, id: string) => {
    const message = `the asset has a point ${name} already, ${id}; change that one, or give another name`;
    return conflict('point_exists', '/name', message);
  },
  historyUndecided: (pointer: string, message: string) => conflict('history_undecided', pointer, message),
  correctionNotRevertible: (reason: string) => new Refusal('correction_not_revertible', reason),
  correctionTooLarge: (reason: string) => new Refusal('correction_too_large', reason),
  mergeNotPossible: (reason: string) => new Refusal('merge_not_possible', reason),
  assetMerged: (id: string, target: string) =>
    new Refusal('asset_merged', `The asset ${id} was merged into ${target}; change that one.`),
  pointMerged: (id: string, target: string) =>
    new Refusal('point_merged', `The point ${id} was merged into ${target}; ask for that one.`),
  messageNotReplayable: (reason: string) => new Refusal('message_not_replayable', reason),
  tooManyStreams: (max: number) =>
    new Refusal('too_many_streams', `End one of the ${max} that are open, then try again.`, {
      headers: { 'retry-after': '5' },
    }),
  streamsBusy: () => busy('streams_busy', 10),
  databaseUnavailable: (cause: unknown) =>
    new Refusal('database_unavailable', 'Try again in a moment.', { cause, headers: { 'retry-after': '2' } }),
};

function sentenceOf(errors: readonly FieldError[]): string {
  const [first, ...others] = errors;
  if (first === undefined) return 'The request is not valid.';
  const place = first.pointer === '' ? `The ${first.in}` : `${first.pointer.slice(1)} (${first.in})`;
  return `${place}: ${first.message}.${others.length > 0 ? ` And ${others.length} more.` : ''}`;
}
