/**
 * People of a tenant: who they are, their role, and the sites that they may reach. Work can be given to whoever is active; those
 * who have a password log in.
 *
 *   made ──invite──▶ invited ──accept, within a week──▶ has a password
 *   active ◀──activate── inactive ◀──deactivate── active ──delete──▶ gone, but for the names on what they did
 */
import { z } from 'zod';
import { exampleOf, flag, Id, Instant, kept, keptShape, plainText, text } from '../../platform/fields.ts';
import { columns, type ListFields, listOf, listQuery } from '../../platform/list-query.ts';
import { Role } from '../role.ts';

const skillsMax = 50;
const sitesMax = 1_000;
const emailLengthMax = 254;

/** A person as the API shows them. */
export const User = z
  .object({
    id: Id,
    number: z.int().describe('Counts the people of the tenant, from 1: an integer id for those who want one.'),
    username: z.string(),
    email: z.string(),
    name: z.string(),
    role: Role,
    active: z.boolean().describe('Whether work can be given to them, and whether they may log in.'),
    log_in: z
      .enum(['none', 'invited', 'password'])
      .describe('How they log in: not at all, not before they accept an invitation, with a password.'),
    site_ids: z.array(Id).nullable().describe('The sites that they may reach; null: all of the tenant.'),
    phone: z.string().nullable(),
    locale: z.string().nullable().describe('A language tag (BCP 47); null: as the tenant.'),
    skills: z.array(z.string()),
    ...keptShape,
    last_login_at: Instant.nullable(),
    created_at: Instant,
    updated_at: Instant,
  })
  .meta({ id: 'User' });
export type User = z.infer<typeof User>;

export const userList = listOf({
  name: 'users',
  id: 'app_user.id',
  columns: {
    created_at: columns.instant('app_user.created_at'),
    updated_at: columns.instant('app_user.updated_at'),
    last_login_at: columns.instant('app_user.last_login_at', { isNullable: true }),
    number: columns.integer('app_user.number'),
    username: columns.text('app_user.username'),
    email: columns.text('app_user.email'),
    name: columns.text('app_user.name'),
  },
  words: ['app_user.username', 'app_user.name', 'app_user.email'],
});

export const UserQuery = listQuery(userList, {
  role: Role.optional(),
  active: flag().describe('Only those who are active, or only those who are not.'),
  site: text(63).optional().describe('Only those who may reach this site: its slug.'),
  skill: text(100).optional().describe('Only those who have this skill.'),
  external_id: text(255).optional(),
});
export type UserFilter = Omit<z.output<typeof UserQuery>, ListFields>;

const unset = (value: string | null) => (value === '' ? null : value);

/** Small enough a part of what e-mail addresses may be that everybody agrees on it. */
const Email = text(emailLengthMax)
  .trim()
  .regex(/^[^\s@"<>\p{Cc}]+@[^\s@"<>\p{Cc}]+$/u, 'must be an e-mail address')
  .describe('An e-mail address, of one user of the tenant alone.');

const fields = {
  username: text(64)
    .regex(
      /^[\p{L}\p{N}][\p{L}\p{N}._-]*$/u,
      'has letters, digits, dots, hyphens and underscores, and begins with one of the first two',
    )
    .describe('What they log in with and are mentioned by, of one user of the tenant alone.'),
  email: Email,
  name: text(200)
    .trim()
    .regex(/^\P{Cc}*$/u, 'must not have control characters')
    .nullable()
    .transform((value) => value ?? ''),
  role: Role,
  site_ids: z
    .array(Id)
    .min(1)
    .max(sitesMax)
    .nullable()
    .describe('Ids of the sites that they may reach, among your own; null: all of the tenant.'),
  phone: text(40)
    .trim()
    .regex(/^[+\d\s()./-]*$/, 'has digits, blanks and + ( ) . / - alone')
    .nullable()
    .transform(unset),
  locale: text(35)
    .regex(/^$|^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$/, 'must be a language tag such as de or pt-BR')
    .nullable()
    .transform(unset),
  skills: z
    .array(plainText(100))
    .max(skillsMax)
    .nullable()
    .transform((value) => [...new Set(value ?? [])]),
  external_id: text(255)
    .nullable()
    .transform(unset)
    .describe('What they are called elsewhere, of one user of the tenant alone.'),
};

const settable = {
  name: fields.name.optional(),
  site_ids: fields.site_ids.optional(),
  phone: fields.phone.optional(),
  locale: fields.locale.optional(),
  skills: fields.skills.optional(),
  external_id: fields.external_id.optional(),
  metadata: kept.metadata,
};

const creation = {
  email: fields.email,
  username: fields.username.optional().describe('Absent: what stands before the @ of the e-mail address.'),
  role: fields.role.optional().describe('technician if absent; one that may do no more than you.'),
  ...settable,
  site_ids: fields.site_ids
    .optional()
    .describe('Ids of sites among your own; null: all of the tenant; absent: your own.'),
};

const example = {
  email: 'kim@betacit.com',
  username: 'kim',
  name: 'Kim Park',
  role: 'technician',
  skills: ['chillers'],
};

/** Somebody who does not log in, or not yet. */
export const UserCreation = z.strictObject(creation).meta({ id: 'UserCreation', ...exampleOf(example) });
export type UserCreation = z.output<typeof UserCreation>;

/** Somebody who is to log in. */
export const UserInvitation = z
  .strictObject(creation)
  .meta({ id: 'UserInvitation', ...exampleOf({ email: 'noor@betacit.com', role: 'manager', name: 'Noor Haddad' }) });

export const UserChange = z
  .strictObject({
    email: fields.email.optional(),
    username: fields.username.optional(),
    role: fields.role.optional().describe('One that may do no more than you.'),
    ...settable,
  })
  .meta({ id: 'UserChange', ...exampleOf({ role: 'technician', phone: '+44 20 7946 0018' }) });
export type UserChange = z.output<typeof UserChange>;

/** A person and the token by which they choose a password, which nobody can read again. */
export const InvitedUser = User.extend({
  invite: z.object({
    token: z.string().describe('Shown this once. Give it to them: POST /auth/accept-invite takes it, once.'),
    expires_at: Instant,
  }),
}).meta({ id: 'InvitedUser' });
export type InvitedUser = z.infer<typeof InvitedUser>;

/** The property of a unique index of people, by its name. */
export const propertyOfIndex: Readonly<Record<string, string>> = {
  app_user_username: 'username',
  app_user_email: 'email',
  app_user_external_id: 'external_id',
};
