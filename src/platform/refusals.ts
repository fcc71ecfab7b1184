/**
 * What stages throw, by name. A refusal is thrown where it is found and answered in one place (src/api/problem.ts), always with
 * the same body (RFC 9457).
 */
import { busy, conflict, type FieldError, Refusal, sentenceOf } from './refusal.ts';

/** The HTTP authentication challenge of RFC 6750, section 3. */
const challenge = (error?: string) => ({
  'www-authenticate': `Bearer realm="faultline"${error === undefined ? '' : `, ${error}`}`,
});
const invalidToken = challenge('error="invalid_token"');

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
