/**
 * Logging in with a password. What is wrong, name or password, is not told, and takes the same time: as many hashes are checked
 * whoever is asked for, those of decoys where there is nobody. Where several tenants have somebody of one name the password says who
 * it is, so that no tenant can keep another's people out by calling somebody the same. Wrong passwords are counted by address and
 * account, and by address; both are not heard for a while.
 */
import { createHash } from 'node:crypto';
import { createBans } from '../../platform/bans.ts';
import type { Db } from '../../platform/database.ts';
import type { Log } from '../../platform/log.ts';
import { refusals } from '../../platform/refusals.ts';
import { bySystem, recordUnasked } from '../audit/record-access.ts';
import { createPasswordCheck, guessBanMs, hashPassword, newPassword, type PasswordOutcome } from '../password.ts';
import type { AccessTokens } from './access-token.ts';
import { openSession } from './open-session.ts';
import { type LogInBody, normalized, type Tokens } from './session.ts';
import { type Candidate, candidatesMax, findCandidates } from './session-store.ts';

/** Where a request comes from, and when. */
export type Origin = {
  readonly address: string;
  readonly userAgent: string;
  readonly requestId: string;
  readonly at: Date;
};

export type LogIn = {
  /** Throws credentials_invalid, too_many_requests and log_in_busy. */
  logIn(body: LogInBody, origin: Origin): Promise<Tokens>;
  /** Checks the password of somebody who is known, under the same limits. Throws as logIn does. */
  requirePassword(given: Given, origin: Pick<Origin, 'address'>): Promise<void>;
  /** Resolves when what was recorded of refusals is written. */
  settle(): Promise<void>;
};

type Given = { readonly account: string; readonly password: string; readonly against: string };

/** An address behind which an office sits may be wrong as often as this. */
const guessesOfAddress = { timesMax: 50, windowMs: 60_000, banMs: guessBanMs, keysMax: 20_000 };

type Needs = { readonly db: Db; readonly tokens: AccessTokens; readonly log: Log };

/** The log-in of an API; what it has counted is its own. */
export function createLogIn({ db, tokens, log }: Needs): LogIn {
  const checkPassword = createPasswordCheck();
  const bans = createBans(guessesOfAddress);
  const decoys = Promise.all(Array.from({ length: candidatesMax }, () => hashPassword(newPassword())));
  const recording = new Set<Promise<void>>();

  const outcomeOf = async ({ account, password, against }: Given, address: string): Promise<PasswordOutcome> => {
    if (bans.isBanned(address, performance.now())) return 'guessing';
    const bytes = Buffer.from(normalized(password));
    const fingerprint = createHash('sha256').update(account).update('\0').update(bytes).digest('base64');
    return checkPassword({ against, password: bytes, fingerprint, username: account, address });
  };
  // Written after the answer: whether there is somebody to write it about is not to be seen in the time that it takes.
  const recordRefusal = (found: Candidate, origin: Origin) => {
    const record = recordRefused(db, found, origin)
      .catch((error: unknown) => log.warn({ err: error }, 'a refused log-in was not recorded'))
      .finally(() => recording.delete(record));
    recording.add(record);
  };

  return {
    logIn: async (body, origin) => {
      const { username, email, tenant, password } = body;
      const account = [username ?? email, tenant].map((name) => name?.toLowerCase()).join('\0');
      const { candidates, possible } = await findCandidates(db, { username, email, tenant });
      const outcomes: PasswordOutcome[] = [];
      for (const [place, decoy] of (await decoys).slice(0, Math.max(possible, candidates.length)).entries()) {
        const against = candidates[place]?.passwordArgon2id ?? decoy;
        outcomes.push(await outcomeOf({ account: `${account}\0${place}`, password, against }, origin.address));
      }
      outcomes.forEach(throwUnlessChecked);
      const matching = candidates.filter((_, place) => outcomes[place] === 'right');
      const [user] = matching;
      // Of two with one name and one password nobody knows which it is.
      const isOne = user !== undefined && matching.length === 1 && user.active;
      const opened = isOne ? await openSession(db, { tokens, user, origin }) : undefined;
      if (opened) return opened;
      bans.note(origin.address, performance.now());
      for (const candidate of candidates) recordRefusal(candidate, origin);
      throw refusals.credentialsInvalid();
    },
    requirePassword: async (given, { address }) => {
      const outcome = await outcomeOf(given, address);
      throwUnlessChecked(outcome);
      if (outcome === 'wrong') {
        bans.note(address, performance.now());
        throw refusals.credentialsInvalid();
      }
    },
    settle: async () => {
      await Promise.allSettled(recording);
    },
  };
}

function throwUnlessChecked(outcome: PasswordOutcome): void {
  if (outcome === 'guessing') throw refusals.tooManyRequests(guessBanMs);
  if (outcome === 'busy') throw refusals.logInBusy();
}

async function recordRefused(db: Db, { tenantId, userId, username }: Candidate, origin: Origin): Promise<void> {
  const { address, requestId, at } = origin;
  const actor = { ...bySystem.actor, kind: 'anonymous', name: '' } as const;
  const subject = { kind: 'user', id: userId, name: username } as const;
  const change = { action: 'session.refused', subject, before: null, after: null } as const;
  await recordUnasked(db, { tenantId, at, actor, address, requestId }, change);
}
