/** The log of access: every change of who may do what, and every log-in that was refused, as the API shows them. */
import { z } from 'zod';
import { Id, Instant, text } from '../../platform/fields.ts';
import { columns, listOf, listQuery } from '../../platform/list-query.ts';

/** Everything that is recorded, `noun.verb_past`; actions are added, never renamed. */
export const auditActions = [
  'user.created',
  'user.changed',
  'user.invited',
  'user.activated',
  'user.deactivated',
  'user.deleted',
  'user.password_changed',
  'session.opened',
  'session.refused',
  'session.ended',
  'session.token_reused',
  'tenant.created',
  'tenant.changed',
  'api_key.created',
  'api_key.changed',
  'api_key.rotated',
  'api_key.revoked',
  'device.created',
  'device.changed',
  'device.rotated',
  'device.revoked',
  'device.deleted',
  'device_token.created',
  'device_token.used',
  'device_token.revoked',
] as const;
export type AuditAction = (typeof auditActions)[number];

export const auditSubjects = ['user', 'tenant', 'api_key', 'device', 'device_token'] as const;
export type AuditSubject = (typeof auditSubjects)[number];

/** Who did it. Names are those of that time. */
const AuditActor = z.object({
  kind: z
    .enum(['user', 'key', 'device_token', 'system', 'anonymous'])
    .describe('`system`: the program itself, or somebody at its machine; `anonymous`: somebody who was not let in.'),
  id: Id.nullable(),
  name: z.string(),
});
export type AuditActor = z.infer<typeof AuditActor>;

/** What was different, by property. */
const State = z.record(z.string(), z.unknown()).nullable();

export const AuditEntry = z
  .object({
    id: Id,
    at: Instant,
    action: z.enum(auditActions),
    actor: AuditActor,
    subject: z.object({ kind: z.enum(auditSubjects), id: Id, name: z.string() }),
    before: State.describe('What is different now, as it was; null where there was nothing.'),
    after: State.describe('What is different now, as it is; null where there is nothing any more.'),
    address: z
      .string()
      .nullable()
      .describe('Where the request came from; null for what was done at the machine itself.'),
    request_id: z.string().nullable(),
    created_at: Instant.describe('The same as at.'),
    updated_at: Instant.describe('The same as at: an entry never changes.'),
  })
  .meta({ id: 'AuditEntry' });
export type AuditEntry = z.infer<typeof AuditEntry>;

export const auditList = listOf({
  name: 'audit-log',
  id: 'audit_entry.id',
  columns: { at: columns.instant('audit_entry.at'), created_at: columns.instant('audit_entry.at') },
  sort: '-at',
});

const Actions = text(1_000)
  .transform((value) => value.split(','))
  .pipe(z.array(z.enum(auditActions)))
  .optional();

export const AuditQuery = listQuery(auditList, {
  action: Actions.describe('One action, or several with commas between.'),
  subject_kind: z.enum(auditSubjects).optional(),
  subject_id: Id.optional().describe('Only what was done to this user, key, device, token or tenant.'),
  actor_id: Id.optional().describe('Only what this user or this key has done.'),
});
export type AuditFilter = {
  action?: AuditAction[] | undefined;
  subject_kind?: AuditSubject | undefined;
  subject_id?: string | undefined;
  actor_id?: string | undefined;
};
