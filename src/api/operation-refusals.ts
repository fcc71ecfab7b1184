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

const withKey = /^(?!post \/api\/v1\/devices\/provision)/;
const withoutKey = /^post \/api\/v1\/devices\/provision/;
const stream = /\/stream\/?$/;
const dryRun = /\/rules\/\{id\}\/test/;

/** Where a code is not that of any operation. */
const where: { readonly [code in RefusalCode]?: RegExp } = {
  malformed_json: /^(post|put|patch|delete) /,
  idempotency_key_invalid: /^post /,
  unauthenticated: withKey,
  api_key_invalid: withKey,
  api_key_expired: withKey,
  api_key_revoked: withKey,
  device_token_invalid: withoutKey,
  device_token_expired: withoutKey,
  device_token_revoked: withoutKey,
  device_token_used: withoutKey,
  site_forbidden: /\/api\/v1\//,
  route_not_found: /\/problems\//,
  site_not_found: /\{slug\}/,
  asset_not_found: /\/assets\/\{id\}/,
  location_not_found: /\/locations\/\{id\}/,
  point_not_found: /\/points\/\{id\}/,
  insight_not_found: /\/insights\/\{id\}/,
  rule_not_found: /\/rules\/\{id\}/,
  rule_override_not_found: /\/rule-overrides\/\{id\}/,
  retention_policy_not_found: /\/retention-policies\/\{id\}/,
  topic_template_not_found: /\/topic-templates\/\{id\}/,
  opcua_connection_not_found: /\/opcua-connections\/\{id\}/,
  opcua_certificate_not_found: /\/opcua-certificates\/\{id\}/,
  work_order_not_found: /\/work-orders\/\{id\}/,
  device_not_found: /\/devices\/\{id\}/,
  device_token_not_found: /\/device-tokens\/\{id\}/,
  import_not_found: /\/imports\/\{id\}/,
  quarantined_message_not_found: /\/quarantine\/\{id\}/,
  correction_not_found: /\/corrections\/\{id\}/,
  point_merge_not_found: /\/point-merges\/\{id\}/,
  idempotency_in_progress: /^post (?!\/api\/v1\/devices\/provision)/,
  idempotency_key_reused: /^post (?!\/api\/v1\/devices\/provision)/,
  import_ended: /^post .*\/imports\//,
  message_not_replayable: /\/quarantine\/\{id\}\/replay/,
  site_exists: /^post .*\/sites\/?$/,
  point_exists: /^post .*\/points\/?$/,
  history_undecided: /^patch .*\/points\/\{id\}/,
  correction_not_revertible: /\/corrections\/\{id\}\/revert/,
  merge_not_possible: /\/merge-into/,
  asset_merged: /^patch .*\/assets\/\{id\}/,
  point_merged: /\/(points\/\{id\}|corrections\/\{id\}\/revert)/,
  correction_too_large: /^post .*\/corrections|^patch .*\/points\/\{id\}/,
  device_conflict: /^(post .*\/devices(\/provision)?|patch .*\/devices\/\{id\})\/?$/,
  device_of_connection: /^(patch|delete) .*\/devices\/\{id\}\/?$|\/devices\/\{id\}\/(rotate-credentials|revoke)/,
  opcua_connection_of_file: /^(patch|delete) .*\/opcua-connections\/\{id\}$/,
  opcua_not_writable: /^post .*\/opcua-connections\/\{id\}\/writes/,
  device_revoked: /\/devices\/\{id\}\/rotate-credentials/,
  dry_run_too_large: dryRun,
  dry_run_busy: dryRun,
  too_many_requests: withoutKey,
  too_many_streams: stream,
  streams_busy: stream,
  telemetry_busy: /^post .*((?<!\/imports)\/(telemetry(?!\/(query|retention))|readings)|\/quarantine.*\/replay)/,
  resolution_dropped: /^get .*\/readings|\/telemetry\/query/,
  query_too_large: /\/telemetry\/query/,
  query_busy: /^get .*\/readings|\/telemetry\/query/,
  import_busy: /\/imports\/telemetry/,
  opcua_browse_busy: /\/opcua-connections\/\{id\}\/(browse|discover|mapping\/preview)/,
  model_import_busy: /\/models/,
};
