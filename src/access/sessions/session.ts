/**
 * A log-in of a person, and the family of tokens that follow from it.
 *
 *   log in ──▶ open ──log out · password changed · deactivated──▶ ended
 *                │  └──a refresh token that was used comes again──▶ ended   (somebody has a copy of it)
 *                └──30 days without a refresh──▶ over
 *
 * The access token is short-lived and says who it is; the refresh token gives the next pair, once.
 */
import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { exampleOf, Id, Instant, text } from '../../platform/fields.ts';
import { User } from '../people/user.ts';
import { Role } from '../role.ts';
import { accessTokenLifeS } from './access-token.ts';

/** How long a log-in lasts without a refresh. */
export const refreshLifeMs = 30 * 86_400_000;

/** A new refresh token: 256 random bits. */
export function newRefreshToken(): string {
  return `frt_${randomBytes(32).toString('base64url')}`;
}

const passwordLengthMin = 10;
const passwordLengthMax = 256;

/** A password that somebody chooses. Long enough is what counts (NIST SP 800-63B, 3.1.1); nothing else is asked of it. */
const NewPassword = text(passwordLengthMax)
  .min(passwordLengthMin, `must have at least ${passwordLengthMin} characters`)
  .describe(`${passwordLengthMin} to ${passwordLengthMax} characters, whichever you like.`)
  .meta({ format: 'password' });

const PasswordGiven = text(passwordLengthMax).min(1).meta({ format: 'password' });
const RefreshToken = text(200).min(1).describe('The refresh token that was given last.');

/** A password as it is hashed: the same characters count as the same, however a keyboard writes them. */
export function normalized(password: string): string {
  return password.normalize('NFKC');
}

export const LogInBody = z
  .strictObject({
    username: text(128).min(1).optional().describe('The user name; or give email.'),
    email: text(254).min(1).optional().describe('The e-mail address; or give username.'),
    password: PasswordGiven,
    tenant: text(200)
      .min(1)
      .optional()
      .describe('The id or the name of the tenant, where several have a user of this name and password.'),
  })
  .refine(({ username, email }) => (username === undefined) !== (email === undefined), {
    path: ['username'],
    message: 'give either username or email',
  })
  .meta({ id: 'LogIn', ...exampleOf({ email: 'alex@betacit.com', password: 'correct horse battery staple' }) });
export type LogInBody = z.output<typeof LogInBody>;

export const RefreshBody = z
  .strictObject({ refresh_token: RefreshToken })
  .meta({ id: 'Refresh', ...exampleOf({ refresh_token: 'frt_ZXhhbXBsZS1vZi1hLXRva2VuLW5vdC1hLXJlYWwtb25l' }) });

export const LogOutBody = z
  .strictObject({ refresh_token: RefreshToken.describe('Any refresh token of the log-in that is to end.') })
  .meta({ id: 'LogOut', ...exampleOf({ refresh_token: 'frt_ZXhhbXBsZS1vZi1hLXRva2VuLW5vdC1hLXJlYWwtb25l' }) });

export const PasswordChange = z.strictObject({ current_password: PasswordGiven, password: NewPassword }).meta({
  id: 'PasswordChange',
  ...exampleOf({ current_password: 'correct horse battery staple', password: 'one that nobody has thought of' }),
});

export const InviteAcceptance = z
  .strictObject({ token: text(200).min(1).describe('The token of the invitation.'), password: NewPassword })
  .meta({
    id: 'InviteAcceptance',
    ...exampleOf({
      token: 'fui_ZXhhbXBsZS1vZi1hLXRva2VuLW5vdC1hLXJlYWwtb25l',
      password: 'correct horse battery staple',
    }),
  });

/** What somebody has who has logged in. */
export const Tokens = z
  .object({
    access_token: z.string().describe('A JSON Web Token; send it as `Authorization: Bearer`.'),
    token_type: z.literal('Bearer'),
    expires_in: z.int().describe(`For how many seconds the access token is good: ${accessTokenLifeS}.`),
    refresh_token: z.string().describe('Gives the next pair of tokens, once; shown this once.'),
    refresh_expires_at: Instant,
    user: User,
  })
  .meta({ id: 'Tokens' });
export type Tokens = z.infer<typeof Tokens>;

export const LoggedOut = z
  .object({ ended: z.boolean().describe('Whether a log-in was ended by it; false: there was none any more.') })
  .meta({ id: 'LoggedOut' });

/** Who is asking, and what that may do. */
export const Me = z
  .object({
    user: User.nullable().describe('The person who is logged in, or in whose name the key acts.'),
    key: z.object({ id: Id, name: z.string(), prefix: z.string() }).nullable().describe('Null for an access token.'),
    tenant: z.object({
      id: Id,
      name: z.string(),
      plan: z.enum(['free', 'pro']),
      livemode: z.boolean(),
      time_zone: z.string(),
    }),
    role: Role.nullable().describe('Null for a key.'),
    scopes: z.array(z.string()).describe('`read`, `write` and `admin` are bundles.'),
    site_ids: z.array(Id).nullable().describe('Null: all sites of the tenant.'),
  })
  .meta({ id: 'Me' });
