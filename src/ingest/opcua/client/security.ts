/** Modes and policies of the secure channel, in our words and in the specification's. */
import { MessageSecurityMode, UserTokenType } from 'node-opcua-client';
import type { Identity, SecurityMode, SecurityPolicy } from '../connection.ts';

const policyPrefix = 'http://opcfoundation.org/UA/SecurityPolicy#';

export const modeOf: Record<SecurityMode, MessageSecurityMode> = {
  none: MessageSecurityMode.None,
  sign: MessageSecurityMode.Sign,
  sign_and_encrypt: MessageSecurityMode.SignAndEncrypt,
};

export const policyUriOf: Record<SecurityPolicy, string> = {
  none: `${policyPrefix}None`,
  basic256sha256: `${policyPrefix}Basic256Sha256`,
  aes128_sha256_rsaoaep: `${policyPrefix}Aes128_Sha256_RsaOaep`,
  aes256_sha256_rsapss: `${policyPrefix}Aes256_Sha256_RsaPss`,
};

export const tokenTypeOf: Record<Identity['kind'], UserTokenType> = {
  anonymous: UserTokenType.Anonymous,
  username: UserTokenType.UserName,
  certificate: UserTokenType.Certificate,
};

/** "sign_and_encrypt with basic256sha256", or the server's own words for what we do not speak. */
export function describeSecurity(mode: MessageSecurityMode, policyUri: string | null): string {
  const modeName = keyOf(modeOf, mode) ?? `mode ${mode}`;
  if (mode === MessageSecurityMode.None) return modeName;
  const policyName = keyOf(policyUriOf, policyUri ?? '') ?? (policyUri ?? '').replace(policyPrefix, '');
  return `${modeName} with ${policyName}`;
}

/** "username", or the specification's number for what we do not speak. */
export function describeToken(type: UserTokenType): string {
  return keyOf(tokenTypeOf, type) ?? `token type ${type}`;
}

function keyOf<Key extends string, Value>(record: Record<Key, Value>, value: Value): Key | undefined {
  return (Object.keys(record) as Key[]).find((key) => record[key] === value);
}
