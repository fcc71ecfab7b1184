/**
 * Passwords of devices and of people. A check costs a processor core some 20 ms and 19 MiB, so checks go through a gate, those of each
 * address in a lane of its own; a wrong password that comes again costs nothing, and whoever tries many different ones is
 * not heard for a while.
 */
import { randomBytes } from 'node:crypto';
import { hash, verify } from '@node-rs/argon2';
import { createBans } from '../platform/bans.ts';
import { createFairGate } from '../platform/fair-gate.ts';

/** Algorithm 2 is argon2id; the parameters are among those of OWASP's password storage cheat sheet. */
const argon2id = { algorithm: 2, memoryCost: 19_456, timeCost: 2, parallelism: 1 };
/** More at once would starve everything else. */
const gateLimits = { atOnceMax: 2, waitingMax: 500 };
/** For so long whoever tries too many passwords is not heard. */
export const guessBanMs = 300_000;
const guesses = { timesMax: 10, windowMs: 60_000, banMs: guessBanMs, keysMax: 20_000 };
const wrongMax = 10_000;

/** A password of 144 random bits. */
export function newPassword(): string {
  return randomBytes(18).toString('base64url');
}

/** The argon2id hash of a password (RFC 9106), with its parameters and a salt of its own. */
export function hashPassword(password: string): Promise<string> {
  return hash(password, argon2id);
}

export type PasswordAttempt = {
  /** The hash that the password should match. */
  readonly against: string;
  readonly password: Buffer;
  /** Stands for user name and password, and tells neither. */
  readonly fingerprint: string;
  readonly username: string;
  readonly address: string;
};

/** `guessing`: more than ten different wrong passwords within a minute, and nothing is checked for five; `busy`: later. */
export type PasswordOutcome = 'right' | 'wrong' | 'guessing' | 'busy';

/** Checks passwords; guesses are counted by address and user name, so that they shut out nobody else. */
export function createPasswordCheck(): (attempt: PasswordAttempt) => Promise<PasswordOutcome> {
  const gate = createFairGate(gateLimits);
  const bans = createBans(guesses);
  const wrong = new Set<string>();
  // A hundred connections of one gateway that come at once need one check.
  const checking = new Map<string, Promise<boolean | undefined>>();

  return async ({ against, password, fingerprint, username, address }) => {
    const key = `${fingerprint} ${against}`;
    if (wrong.has(key)) return 'wrong';
    const guesser = `${address} ${username}`;
    if (bans.isBanned(guesser, performance.now())) return 'guessing';
    const known = checking.get(key);
    const check = known ?? gate(address, () => verify(against, password));
    checking.set(key, check);
    const matches = await check.finally(() => checking.delete(key));
    if (matches === undefined) return 'busy';
    if (matches) return 'right';
    if (!known) bans.note(guesser, performance.now());
    if (wrong.size >= wrongMax) wrong.clear();
    wrong.add(key);
    return 'wrong';
  };
}
