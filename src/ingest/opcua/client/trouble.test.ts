import { expect, test } from 'vitest';
import { ServiceError, statusOf, TroubleError, troubleOf } from './trouble.ts';

test.each([
  ['BadTooManySessions', 'sessions_full'],
  ['BadIdentityTokenRejected', 'identity_rejected'],
  ['BadUserAccessDenied', 'access_denied'],
  ['BadSecurityChecksFailed', 'own_certificate_rejected'],
  ['BadCertificateUriInvalid', 'own_certificate_rejected'],
  ['BadSecurityPolicyRejected', 'security_refused'],
  ['BadShutdown', 'server_not_running'],
  ['BadTooManySubscriptions', 'subscriptions_full'],
  ['BadTimeout', 'not_responding'],
  ['BadSessionIdInvalid', 'connection_lost'],
  ['BadInvalidTimestamp', 'clock_differs'],
  ['BadOutOfMemory', 'protocol_error'],
])('%s is %s, and is named', (status, code) => {
  const trouble = troubleOf(new ServiceError('Read', status));
  expect(trouble.code).toBe(code);
  expect(trouble.detail).toContain(status);
});

test('a status is found in a fault and in the words of the library', () => {
  const fault = Object.assign(new Error('x'), {
    response: { responseHeader: { serviceResult: { name: 'BadShutdown' } } },
  });
  expect(statusOf(fault)).toBe('BadShutdown');
  expect(statusOf(new Error(' serviceResult = BadTooManySessions (0x80560000)'))).toBe('BadTooManySessions');
  expect(statusOf(new Error('Connection Break'))).toBeNull();
  expect(statusOf(null)).toBeNull();
});

test('a trouble stays what it is, and anything else is a connection that broke', () => {
  const trouble = { code: 'certificate_expired', detail: 'It expired.' } as const;
  expect(troubleOf(new TroubleError(trouble))).toBe(trouble);
  expect(troubleOf(new Error('Connection Break'))).toEqual({
    code: 'connection_lost',
    detail: 'The connection to the server broke (Connection Break). It is tried again.',
  });
});
