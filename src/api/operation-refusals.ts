/** Which refusals an operation of the document has: those of every operation, and those that few know. */
import { type RefusalCode, refusalList } from '../platform/refusal-list.ts';

/** The codes with which an operation (`post /api/v1/devices`) can answer under a status, in the order of the list. */
export function codesOf(status: number, operation: string, { isPaged }: { isPaged: boolean }): RefusalCode[] {
  return (Object.keys(refusalList) as RefusalCode[]).filter((code) => {
    if (refusalList[code].status !== status) return false;
    if (code === 'cursor_invalid') return isPaged || stream.test(operation);
    return where[code]?.test(operation) ?? true;
  });
}

const withKey = /^(?!post \/api\/v1\/(devices\/provision|auth\/(login|refresh|logout|accept-invite))$)/;
const postWithKey = /^post (?!\/api\/v1\/(devices\/provision|auth\/(login|refresh|logout|accept-invite))$)/;
const guessable = /^post \/api\/v1\/(devices\/provision|auth\/(login|refresh|accept-invite|password))$/;
const withoutKey = /^post \/api\/v1\/devices\/provision/;
const stream = /\/stream\/?$/;
const upload = /^post .*\/work-orders\/\{id\}\/(attachments|photos|signatures)\/?$/;
const download = /\/(download|thumbnail)\/?$/;
const dryRun = /\/rules\/\{id\}\/test/;

const completing = /\/work-orders\/\{id\}\/complete|^patch .*\/work-orders\/\{id\}\/?$/;

/** Where a code is not that of any operation. */
const where: { readonly [code in RefusalCode]?: RegExp } = {
  malformed_json: /^(post|put|patch|delete) /,
  version_required: /^\w+ \/(?!api\/v1\/)/,
  idempotency_key_invalid: /^post /,
  unauthenticated: withKey,
  api_key_invalid: withKey,
  api_key_expired: withKey,
  api_key_revoked: withKey,
  access_token_invalid: withKey,
  access_token_expired: withKey,
  session_ended: /^(?!post \/api\/v1\/(devices\/provision|auth\/(login|logout|accept-invite))$)/,
  credentials_invalid: /\/auth\/(login|password)$/,
  refresh_token_invalid: /\/auth\/refresh$/,
  refresh_token_reused: /\/auth\/refresh$/,
  invite_invalid: /\/auth\/accept-invite$/,
  grant_exceeds_caller: /^(post|patch|delete) .*\/(users|people|api-keys)(\/|$)/,
  log_in_required: /\/auth\/password$/,
  api_key_owner_inactive: withKey,
  device_token_invalid: withoutKey,
  device_token_expired: withoutKey,
  device_token_revoked: withoutKey,
  device_token_used: withoutKey,
  site_forbidden: /\/api\/v1\//,
  route_not_found: /\/problems\//,
  site_not_found: /\{slug\}/,
  asset_not_found: /\/assets\/\{id\}/,
  location_not_found: /\/locations\/\{id\}/,
  asset_relation_not_found: /^delete .*\/relations\//,
  point_not_found: /\/points\/\{id\}/,
  insight_not_found: /\/insights\/\{id\}/,
  event_not_found: /\/events\/\{id\}/,
  rule_not_found: /\/rules\/\{id\}/,
  rule_override_not_found: /\/rule-overrides\/\{id\}/,
  retention_policy_not_found: /\/retention-policies\/\{id\}/,
  topic_template_not_found: /\/topic-templates\/\{id\}/,
  opcua_connection_not_found: /\/opcua-connections\/\{id\}/,
  opcua_certificate_not_found: /\/opcua-certificates\/\{id\}/,
  work_order_not_found: /\/work-orders\/\{id\}/,
  comment_not_found: /\{comment_id\}/,
  comment_not_own: /^(patch|delete) .*\{comment_id\}/,
  attachment_not_found: /\{attachment_id\}/,
  photo_not_found: /\{photo_id\}/,
  signature_not_found: /\{signature_id\}/,
  task_not_found: /\{task_id\}/,
  labor_entry_not_found: /\{labor_id\}/,
  work_order_ended:
    /\/work-orders\/\{id\}\/(assign|start|hold|complete|cancel|skip)\/?$|^(post|patch|delete) .*\/tasks|\/labor\/start|^delete .*\{(photo|signature)_id\}/,
  work_order_not_ended: /\/work-orders\/\{id\}\/reopen/,
  work_order_in_progress: /\/work-orders\/\{id\}\/start/,
  work_order_on_hold: /\/work-orders\/\{id\}\/hold/,
  signature_required: completing,
  photo_required: completing,
  checklist_incomplete: completing,
  subtasks_open: completing,
  user_not_found: /\/(users|people)\/\{id\}/,
  audit_entry_not_found: /\/audit-log\/\{id\}/,
  device_not_found: /\/devices\/\{id\}/,
  api_key_not_found: /\/api-keys\/\{id\}/,
  device_token_not_found: /\/device-tokens\/\{id\}/,
  import_not_found: /\/imports\/\{id\}/,
  quarantined_message_not_found: /\/quarantine\/\{id\}/,
  correction_not_found: /\/corrections\/\{id\}/,
  point_merge_not_found: /\/point-merges\/\{id\}/,
  api_key_ended: /^(patch .*\/api-keys\/\{id\}$|post .*\/api-keys\/\{id\}\/rotate)/,
  idempotency_in_progress: postWithKey,
  idempotency_key_reused: postWithKey,
  user_exists: /^(post .*\/(users|people)(\/invite|\/\{id\}\/activate)?|patch .*\/(users|people)\/\{id\})$/,
  user_inactive: /\/(users|people)\/\{id\}\/invite$/,
  last_admin: /^(patch|delete) .*\/(users|people)\/\{id\}$|\/(users|people)\/\{id\}\/deactivate$/,
  insight_not_open: /\/insights\/\{id\}\/(acknowledge|snooze|dismiss|resolve)/,
  insight_not_ended: /\/insights\/\{id\}\/reopen/,
  insight_withdrawn: /\/insights\/\{id\}\/reopen/,
  import_ended: /^post .*\/imports\//,
  labor_timer_running: /\/labor\/start/,
  labor_timer_not_running: /\/labor\/stop/,
  file_type_not_allowed: upload,
  range_not_satisfiable: download,
  message_not_replayable: /\/quarantine\/\{id\}\/replay/,
  site_exists: /^post .*\/sites\/?$/,
  site_not_empty: /^delete .*\/sites\/\{slug\}$/,
  location_not_empty: /^delete .*\/locations\/\{id\}/,
  location_of_model: /^(patch|delete) .*\/locations\/\{id\}/,
  asset_exists: /^post .*\/assets\/?$|^patch .*\/assets\/\{id\}/,
  asset_of_model: /^(patch|put|delete) .*\/assets\/\{id\}/,
  asset_relation_not_possible: /^put .*\/relations\//,
  point_exists: /^post .*\/points\/?$/,
  history_undecided: /^patch .*\/points\/\{id\}/,
  correction_not_revertible: /\/corrections\/\{id\}\/revert/,
  merge_not_possible: /\/merge-into/,
  asset_merged: /^(patch|put|delete) .*\/assets\/\{id\}|^get .*\/assets\/\{id\}\/(?!rules|latest)./,
  point_merged: /\/(points\/\{id\}|corrections\/\{id\}\/revert)/,
  correction_too_large: /^post .*\/corrections|^patch .*\/points\/\{id\}/,
  device_conflict: /^(post .*\/devices(\/provision)?|patch .*\/devices\/\{id\})\/?$/,
  device_of_connection: /^(patch|delete) .*\/devices\/\{id\}\/?$|\/devices\/\{id\}\/(rotate-credentials|revoke)/,
  opcua_connection_of_file: /^(patch|delete) .*\/opcua-connections\/\{id\}$/,
  opcua_not_writable: /^post .*\/opcua-connections\/\{id\}\/writes/,
  device_revoked: /\/devices\/\{id\}\/rotate-credentials/,
  dry_run_too_large: dryRun,
  dry_run_busy: dryRun,
  rate_limited: /^\w+ \/(api\/v1\/|people)/,
  too_many_requests: guessable,
  log_in_busy: /\/auth\/(login|password)$/,
  too_many_streams: stream,
  streams_busy: stream,
  telemetry_busy: /^post .*((?<!\/imports)\/(telemetry(?!\/(query|retention))|readings)|\/quarantine.*\/replay)/,
  resolution_dropped: /^get .*\/readings|\/telemetry\/query/,
  query_too_large: /\/telemetry\/query/,
  query_busy: /^get .*\/readings|\/telemetry\/query/,
  import_busy: /\/imports\/telemetry/,
  uploads_busy: upload,
  file_storage_unavailable: new RegExp(`${upload.source}|${download.source}`),
  opcua_browse_busy: /\/opcua-connections\/\{id\}\/(browse|discover|mapping\/preview)/,
  model_import_busy: /\/models/,
};
