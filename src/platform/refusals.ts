/**
 * What stages throw, by name. A refusal is thrown where it is found and answered in one place (src/api/problem.ts), always with
 * the same body (RFC 9457).
 */
import { busy, conflict, type FieldError, Refusal, sentenceOf } from './refusal.ts';
import { type RefusalCode, refusalList } from './refusal-list.ts';

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
  versionRequired: (current: string) => new Refusal('version_required', `Send the header Accept-Version: ${current}.`),
  cursorInvalid: () =>
    new Refusal(
      'cursor_invalid',
      'Use nextCursor as it was given, or the last id of a stream, with the same filter, or start again without it.',
    ),
  idempotencyKeyInvalid: () =>
    new Refusal('idempotency_key_invalid', 'Give 1 to 255 printable ASCII characters, quoted or bare.'),
  unauthenticated: () =>
    new Refusal('unauthenticated', 'Send the header Authorization: Bearer with an API key or an access token.', {
      headers: challenge(),
    }),
  apiKeyInvalid: () => new Refusal('api_key_invalid', 'This API key is not known here.', { headers: invalidToken }),
  apiKeyExpired: () => new Refusal('api_key_expired', 'This API key has expired.', { headers: invalidToken }),
  apiKeyRevoked: () => new Refusal('api_key_revoked', 'This API key was revoked.', { headers: invalidToken }),
  accessTokenInvalid: (cause?: unknown) =>
    new Refusal('access_token_invalid', 'This access token is not one of this server.', {
      headers: invalidToken,
      cause,
    }),
  accessTokenExpired: () =>
    new Refusal('access_token_expired', 'This access token has expired; get another at /api/v1/auth/refresh.', {
      headers: invalidToken,
    }),
  sessionEnded: () => new Refusal('session_ended', 'This log-in has ended; log in again.', { headers: invalidToken }),
  credentialsInvalid: () =>
    new Refusal(
      'credentials_invalid',
      'No such user, or not with this password; where several tenants have one of this name, give the tenant as well.',
      { headers: challenge() },
    ),
  refreshTokenInvalid: () =>
    new Refusal('refresh_token_invalid', 'This refresh token is not known here; log in again.', {
      headers: challenge(),
    }),
  refreshTokenReused: () =>
    new Refusal('refresh_token_reused', 'This refresh token was used before; log in again.', { headers: challenge() }),
  inviteInvalid: () =>
    new Refusal('invite_invalid', 'This invitation cannot be accepted; ask for another.', { headers: challenge() }),
  grantExceedsCaller: (what: string) =>
    new Refusal('grant_exceeds_caller', `You cannot give or change what you do not have yourself: ${what}.`),
  logInRequired: () => new Refusal('log_in_required', 'Send an access token of /api/v1/auth/login.'),
  apiKeyDisabledByPlan: () =>
    new Refusal('api_key_disabled_by_plan', 'The tenant is on the plan Free, which has no API keys.'),
  apiKeyOwnerInactive: () =>
    new Refusal('api_key_owner_inactive', 'The person in whose name this API key acts is not active any more.'),
  scopeMissing: (scope: string) =>
    new Refusal('scope_missing', `This needs the scope ${scope}, which the API key or the role does not have.`, {
      headers: challenge(`error="insufficient_scope", scope="${scope}"`),
    }),
  siteForbidden: () =>
    new Refusal('site_forbidden', 'This lies at a site that is not among those of the API key or the user.'),
  routeNotFound: (method: string, path: string) => new Refusal('route_not_found', `There is no ${method} ${path}.`),
  siteNotFound: (slug: string) => new Refusal('site_not_found', `There is no site ${slug}.`),
  assetNotFound: (id: string) => new Refusal('asset_not_found', `There is no asset ${id}.`),
  locationNotFound: (id: string) => new Refusal('location_not_found', `There is no place ${id}.`),
  pointNotFound: (id: string) => new Refusal('point_not_found', `There is no point ${id}.`),
  insightNotFound: (id: string) => new Refusal('insight_not_found', `There is no insight ${id}.`),
  eventNotFound: (id: string) => new Refusal('event_not_found', `There is no event ${id}, or not any more.`),
  insightNotOpen: (id: string, status: string) =>
    new Refusal('insight_not_open', `The insight ${id} is ${status}; reopen it first.`),
  insightNotEnded: (id: string, status: string) =>
    new Refusal('insight_not_ended', `The insight ${id} is ${status}, and neither resolved, dismissed nor snoozed.`),
  insightWithdrawn: (id: string) =>
    new Refusal('insight_withdrawn', `Readings that came late have shown that the insight ${id} never was.`),
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
  commentNotFound: (id: string) => new Refusal('comment_not_found', `There is no comment ${id}.`),
  commentNotOwn: () => new Refusal('comment_not_own', 'It can be changed by who wrote it, and by an admin.'),
  attachmentNotFound: (id: string) => new Refusal('attachment_not_found', `There is no attachment ${id}.`),
  photoNotFound: (id: string) => new Refusal('photo_not_found', `There is no photo ${id}.`),
  signatureNotFound: (id: string) => new Refusal('signature_not_found', `There is no signature ${id}.`),
  taskNotFound: (id: string) => new Refusal('task_not_found', `There is no task ${id}.`),
  laborEntryNotFound: (id: string) => new Refusal('labor_entry_not_found', `There is no entry of labour ${id}.`),
  workOrderEnded: (status: string) =>
    new Refusal('work_order_ended', `The work order is ${status}; reopen it, and this can change.`),
  laborTimerRunning: () => new Refusal('labor_timer_running', 'Stop the timer that is running, then start another.'),
  laborTimerNotRunning: () => new Refusal('labor_timer_not_running', 'Start a timer first, or post the time itself.'),
  fileTypeNotAllowed: () =>
    new Refusal(
      'file_type_not_allowed',
      'Send a picture, a document, a text, an archive, a recording: no page, program, drawing with scripts or document with macros.',
    ),
  rangeNotSatisfiable: (bytes: number) =>
    new Refusal('range_not_satisfiable', `The file has ${bytes} bytes.`, {
      headers: { 'content-range': `bytes */${bytes}` },
    }),
  uploadsBusy: () => busy('uploads_busy', 5),
  fileStorageUnavailable: (cause: unknown) =>
    new Refusal('file_storage_unavailable', 'Try again in a moment.', { cause, headers: { 'retry-after': '5' } }),
  /** An action that makes no sense in the state that a work order has. */
  workOrderState: (code: RefusalCode, status: string) =>
    new Refusal(code, `The work order is ${status.replace('_', ' ')}.`),
  /** What a work order still lacks to be completed: all of it, the code is that of the first. */
  requirementsUnmet: (unmet: readonly [RefusalCode, ...RefusalCode[]], subject: string) => {
    const errors = unmet.map(
      (code) => ({ in: 'body', pointer: '/status', code, message: refusalList[code].title }) as const,
    );
    return new Refusal(unmet[0], `${subject} cannot be completed: ${unmet.join(', ')}.`, { errors });
  },
  userNotFound: (id: string) => new Refusal('user_not_found', `There is no user ${id}.`),
  auditEntryNotFound: (id: string) => new Refusal('audit_entry_not_found', `There is no entry ${id}.`),
  deviceNotFound: (id: string) => new Refusal('device_not_found', `There is no device ${id}.`),
  apiKeyNotFound: (id: string) => new Refusal('api_key_not_found', `There is no API key ${id}.`),
  apiKeyEnded: (id: string) =>
    new Refusal('api_key_ended', `The API key ${id} was revoked, for good; make another in its place.`),
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
  rateLimited: (waitMs: number) => {
    const seconds = String(Math.ceil(waitMs / 1_000));
    const headers = { 'retry-after': seconds, 'retry-after-ms': String(waitMs) };
    return new Refusal('rate_limited', `Come again in ${seconds} s; the header fields RateLimit say of what.`, {
      headers,
    });
  },
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
      `What this is made of is kept from ${keptFrom.toISOString()} on; begin there, or ask for buckets, or wider ones.`,
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
  sessionNotFound: (id: string) => new Refusal('session_not_found', `You have no log-in ${id}, or not any more.`),
  linkNotFound: (id: string) => new Refusal('link_not_found', `The work order has no link ${id}.`),
  workOrderLinkExists: (kind: string, id: string) =>
    new Refusal('work_order_link_exists', `There is a link ${kind} between it and ${id}.`),
  teamNotFound: (id: string) => new Refusal('team_not_found', `There is no team ${id}.`),
  teamExists: (id: string) => conflict('team_exists', '/name', `the team ${id} has this name`),
  userExists: (property: string, cause?: unknown) =>
    conflict('user_exists', `/${property}`, `another user has this ${property}`, cause),
  userInactive: (id: string) => new Refusal('user_inactive', `The user ${id} is not active; activate them first.`),
  lastAdmin: () => new Refusal('last_admin', 'Make another user an administrator first.'),
  siteExists: (slug: string) => {
    const message = `there is a site ${slug} already; change that one, or give another slug`;
    return conflict('site_exists', '/slug', message);
  },
  siteNotEmpty: (reason: string) => new Refusal('site_not_empty', reason),
  locationNotEmpty: (reason: string) => new Refusal('location_not_empty', reason),
  locationOfModel: (source: string) =>
    new Refusal(
      'location_of_model',
      `The building model ${source} says this of the place; change it there, and import it.`,
    ),
  assetExists: (property: string, other: string, cause?: unknown) =>
    conflict(
      'asset_exists',
      `/${property}`,
      `another asset has this ${property}${other === '' ? '' : `, ${other}`}`,
      cause,
    ),
  assetOfModel: (property: string, source: string) =>
    conflict(
      'asset_of_model',
      `/${property}`,
      `is what the building model ${source} says, and would be so again after its next import; change it there`,
    ),
  assetImageNotFound: (id: string) => new Refusal('asset_image_not_found', `The asset ${id} has no picture.`),
  assetRelationNotFound: () => new Refusal('asset_relation_not_found', 'There is no such relation between the two.'),
  assetRelationNotPossible: (reason: string) => new Refusal('asset_relation_not_possible', reason),
  pointExists: (name: string, id: string) => {
    const message = `the asset has a point ${name} already, ${id}; change that one, or give another name`;
    return conflict('point_exists', '/name', message);
  },
  historyUndecided: (pointer: string, message: string) => conflict('history_undecided', pointer, message),
  correctionNotRevertible: (reason: string) => new Refusal('correction_not_revertible', reason),
  correctionTooLarge: (reason: string) => new Refusal('correction_too_large', reason),
  mergeUnderWay: (id: string) =>
    new Refusal(
      'merge_under_way',
      `Readings of a point that was merged into ${id} would be left out: they move within minutes; try again then.`,
    ),
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
  logInBusy: () => busy('log_in_busy', 1),
  streamsBusy: () => busy('streams_busy', 10),
  databaseUnavailable: (cause: unknown) =>
    new Refusal('database_unavailable', 'Try again in a moment.', { cause, headers: { 'retry-after': '2' } }),
};
