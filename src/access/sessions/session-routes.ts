import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { createBans } from '../../platform/bans.ts';
import type { Db } from '../../platform/database.ts';
import type { Log } from '../../platform/log.ts';
import type { Answer, Mount, RouteScope, Shell } from '../../platform/mount.ts';
import { refusals } from '../../platform/refusals.ts';
import { askingOf } from '../audit/record-access.ts';
import { readIdempotencyKey } from '../idempotency.ts';
import { User } from '../people/user.ts';
import type { AccessTokens } from './access-token.ts';
import { acceptInvite, changePassword } from './choose-password.ts';
import { createLogIn, type LogIn, type Origin } from './log-in.ts';
import { getMe } from './me.ts';
import { endSession, refreshSession } from './open-session.ts';
import {
  InviteAcceptance,
  LoggedOut,
  LogInBody,
  LogOutBody,
  Me,
  PasswordChange,
  RefreshBody,
  Tokens,
} from './session.ts';

type Needs = {
  /** On behalf of the caller's tenant. */
  readonly db: Db;
  readonly shell: Shell;
  /** For those who are nobody's yet. */
  readonly owner: { readonly db: Db };
  readonly tokens: AccessTokens;
  readonly log: Log;
};

const tags = ['Log-in'];
const open = { tags, security: [] };
const anybody = { needsNoScope: true } as const;

/** Nobody guesses 256 bits; whoever tries is not heard for a while. */
const guesses = { timesMax: 20, windowMs: 60_000, banMs: 60_000, keysMax: 10_000 };

/** Logging in and out, on the tenant's mount alone. */
export function sessionRoutes(app: RouteScope, mount: Mount, needs: Needs): void {
  const logIn = createLogIn({ ...needs, db: needs.owner.db });
  app.addHook('onClose', () => logIn.settle());
  logInRoute(app, mount, { ...needs, logIn });
  tokenRoutes(app, mount, needs);
  meRoutes(app, mount, { ...needs, logIn });
}

function logInRoute(app: RouteScope, mount: Mount, { shell, logIn }: Needs & { readonly logIn: LogIn }): void {
  const schema = {
    ...open,
    operationId: 'logIn',
    summary: 'Log in with a user name or an e-mail address, and a password',
    description:
      'Each log-in is one of its own, and an Idempotency-Key changes nothing. After ten wrong passwords within a minute nothing is heard from that address for that account for five minutes.',
    body: LogInBody,
    response: { 200: mount.oneOf(Tokens) },
  };
  app.post('/auth/login', { config: { isOpen: true }, schema }, async (request, reply) => {
    const tokens = await logIn.logIn(request.body, originOf(request, shell.now()));
    return sendSecret(shell, { request, reply }, mount.found(tokens));
  });
}

function tokenRoutes(app: RouteScope, mount: Mount, { shell, owner, tokens }: Needs): void {
  const unbanned = refusingGuesses();
  const refreshing = {
    ...open,
    operationId: 'refreshTokens',
    summary: 'Exchange a refresh token for the next pair of tokens, once',
    description:
      'A refresh token that was used before ends its log-in, since somebody else may have it. With an Idempotency-Key the same request may be sent again within a minute, for an answer that was lost; the pair that was in it is then of no use.',
    body: RefreshBody,
    response: { 200: mount.oneOf(Tokens) },
  };
  app.post('/auth/refresh', { config: { isOpen: true }, schema: refreshing }, async (request, reply) => {
    const idempotencyKey = readIdempotencyKey(request.headers['idempotency-key']);
    const origin = originOf(request, shell.now());
    const refreshed = await unbanned(request.ip, () =>
      refreshSession(owner.db, request.body.refresh_token, { tokens, idempotencyKey, origin }),
    );
    if (refreshed.isRetry) reply.header('idempotent-replayed', 'true');
    return sendSecret(shell, { request, reply }, mount.found(refreshed.tokens));
  });
  const leaving = {
    ...open,
    operationId: 'logOut',
    summary: 'End the log-in that a refresh token is of, with all its tokens, at once',
    description: 'Idempotent: what has ended stays so, and a token that is not known ends nothing.',
    body: LogOutBody,
    response: { 200: mount.oneOf(LoggedOut) },
  };
  app.post('/auth/logout', { config: { isOpen: true }, schema: leaving }, async (request, reply) => {
    const ended = await endSession(owner.db, request.body.refresh_token, originOf(request, shell.now()));
    return sendSecret(shell, { request, reply }, mount.found({ ended }));
  });
  const accepting = {
    ...open,
    operationId: 'acceptInvite',
    summary: 'Choose a password with the token of an invitation, once, and log in',
    description:
      'Log-ins that the person had so far end. Not to be repeated, not with an Idempotency-Key either: log in with the password instead.',
    body: InviteAcceptance,
    response: { 200: mount.oneOf(Tokens) },
  };
  app.post('/auth/accept-invite', { config: { isOpen: true }, schema: accepting }, async (request, reply) => {
    const origin = originOf(request, shell.now());
    const given = await unbanned(request.ip, () => acceptInvite(owner.db, request.body, { tokens, origin }));
    return sendSecret(shell, { request, reply }, mount.found(given));
  });
}

function meRoutes(app: RouteScope, mount: Mount, { db, owner, shell, logIn }: Needs & { readonly logIn: LogIn }): void {
  const asking = {
    operationId: 'getMe',
    summary: 'Get who is asking, and what that may do',
    tags,
    response: { 200: mount.oneOf(Me) },
  };
  app.get('/auth/me', { config: anybody, schema: asking }, async (request, reply) => {
    const me = await getMe({ db, owner: owner.db }, request.area.caller);
    return sendSecret(shell, { request, reply }, mount.found(me));
  });
  const change = {
    operationId: 'changeOwnPassword',
    summary: 'Change the password of the person who is logged in; their other log-ins end',
    description:
      'Repeatable with an Idempotency-Key for 24 hours; without one a second request is refused, since the password is another by then.',
    tags,
    body: PasswordChange,
    response: { 200: mount.oneOf(User) },
  };
  app.post('/auth/password', { config: anybody, schema: change }, async (request, reply) =>
    shell.transact(request, reply, async (trx) =>
      mount.one(await changePassword(trx, askingOf(request, shell.now()), request.body, logIn)),
    ),
  );
}

const Jwks = z.object({ keys: z.array(z.looseObject({ kty: z.string(), kid: z.string(), alg: z.string() })) });
const keysMaxAgeS = 300;

/** The public keys by which others verify access tokens (RFC 7517), where everybody looks for them (RFC 8615). */
export function jwksRoute(app: RouteScope, { tokens, shell }: Pick<Needs, 'tokens' | 'shell'>): void {
  const schema = {
    ...open,
    operationId: 'getJwks',
    summary: 'Get the public keys by which access tokens are verified',
    response: { 200: Jwks },
  };
  app.get('/.well-known/jwks.json', { schema }, async (request, reply) => {
    const headers = { 'cache-control': `public, max-age=${keysMaxAgeS}` };
    return shell.send(request, reply, { status: 200, headers, body: await tokens.keys(shell.now()) });
  });
}

/** Lets work be done unless its address has been refused too often. */
function refusingGuesses() {
  const bans = createBans(guesses);
  return async <T>(address: string, work: () => Promise<T>): Promise<T> => {
    if (bans.isBanned(address, performance.now())) throw refusals.tooManyRequests(guesses.banMs);
    try {
      return await work();
    } catch (error) {
      const { code } = error as { code?: string };
      if (code === 'refresh_token_invalid' || code === 'invite_invalid') bans.note(address, performance.now());
      throw error;
    }
  };
}

function originOf({ ip, headers, id }: FastifyRequest, at: Date): Origin {
  return { address: ip, userAgent: headers['user-agent'] ?? '', requestId: id, at };
}

type Exchange = { readonly request: FastifyRequest; readonly reply: FastifyReply };

/** What is for one reader alone is kept by nobody on the way (RFC 6749, section 5.1). */
function sendSecret(shell: Shell, { request, reply }: Exchange, answer: Answer): FastifyReply {
  return shell.send(request, reply, { ...answer, headers: { ...answer.headers, 'cache-control': 'no-store' } });
}
