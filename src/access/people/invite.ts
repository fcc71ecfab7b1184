/** Invitations: what somebody needs to choose a password, once, within a week. */
import { randomBytes } from 'node:crypto';

export const inviteLifeMs = 7 * 86_400_000;

/** A new token: 256 random bits. */
export function newInviteToken(): string {
  return `fui_${randomBytes(32).toString('base64url')}`;
}
