/** What a server offers, and which of it is the one that was asked for. */
import type { EndpointDescription } from 'node-opcua-client';
import type { ConnectionSpec } from '../connection.ts';
import { describeSecurity, describeToken, modeOf, policyUriOf, tokenTypeOf } from './security.ts';
import { TroubleError } from './trouble.ts';

/** Names of the binary protocol over TCP; some servers leave it out. */
const binaryProfiles = ['', 'http://opcfoundation.org/UA-Profile/Transport/uatcp-uasc-uabinary'];

/**
 * The endpoint with the mode, the policy and the kind of identity that a connection names. Throws a TroubleError that
 * says what the server offers instead.
 */
export function chooseEndpoint(endpoints: readonly EndpointDescription[], spec: ConnectionSpec): EndpointDescription {
  const offered = endpoints.filter((endpoint) => binaryProfiles.includes(endpoint.transportProfileUri ?? ''));
  const policyUri = policyUriOf[spec.securityPolicy];
  const suitable = offered.filter(
    (endpoint) => endpoint.securityMode === modeOf[spec.securityMode] && endpoint.securityPolicyUri === policyUri,
  );
  if (suitable.length === 0) {
    const asked = describeSecurity(modeOf[spec.securityMode], policyUri);
    throw new TroubleError({
      code: 'endpoint_not_offered',
      detail: `The server does not offer ${asked}. It offers ${listOf(offered.map((endpoint) => describeSecurity(endpoint.securityMode, endpoint.securityPolicyUri)))}.`,
    });
  }
  const chosen = suitable.find((endpoint) => listTokens(endpoint).includes(tokenTypeOf[spec.identity.kind]));
  if (!chosen) {
    const tokens = suitable.flatMap(listTokens).map(describeToken);
    throw new TroubleError({
      code: 'identity_not_offered',
      detail: `The server takes no identity of the kind "${spec.identity.kind}" at this endpoint. It takes ${listOf(tokens)}.`,
    });
  }
  return chosen;
}

function listTokens(endpoint: EndpointDescription) {
  return (endpoint.userIdentityTokens ?? []).map((policy) => policy.tokenType);
}

function listOf(words: readonly string[]): string {
  return words.length === 0 ? 'nothing that this program speaks' : [...new Set(words)].join(', ');
}
