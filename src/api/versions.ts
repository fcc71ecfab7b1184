/**
 * The versions of the interface, and what a request that names one gets.
 *
 *   current ──a newer one is released──▶ deprecated: answered, with Deprecation and Sunset ──its last day──▶ 400 unsupported_version
 *
 * What has its version in the path (/api/v1) need not name one; what stands at the root must (Runn).
 */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { refusals } from '../platform/refusals.ts';

export type ApiVersion = {
  /** Of three numbers; the first one, or the first two, name the newest that begins with them. */
  readonly name: string;
  /** The day on which it came, `YYYY-MM-DD`. */
  readonly releasedOn: string;
  /** In beta what it has may change without a new version. */
  readonly stage: 'beta' | 'stable';
  /** From when on it is advised against, and until when it is answered; null for the current one. */
  readonly leaving: { readonly deprecatedAt: Date; readonly endsAt: Date } | null;
  readonly changes: readonly { readonly kind: 'added' | 'changed' | 'deprecated' | 'removed'; readonly text: string }[];
};

/** Every version there was, the newest first; `GET /changelog` tells of them. */
export const apiVersions: readonly ApiVersion[] = [
  {
    name: '1.0.0',
    releasedOn: '2026-11-22',
    stage: 'beta',
    leaving: null,
    changes: [
      {
        kind: 'added',
        text: 'Work orders, insights, equipment, points and telemetry under /api/v1 and below each site.',
      },
      { kind: 'added', text: 'People at the root, with integer numbers, pages of values and nextCursor.' },
      { kind: 'added', text: 'Lists take sort, q, ranges such as created_at[gte], expand, and offset or cursor.' },
    ],
  },
];

type Given = {
  readonly versions: readonly ApiVersion[];
  readonly now: () => Date;
  /** Whether a request must name a version. */
  readonly isMandatory: boolean;
};

/**
 * What every request of a mount goes through: throws version_required and unsupported_version, and says in the answer which
 * version gave it, and until when there is such a one.
 */
export function createVersionCheck({ versions, now, isMandatory }: Given) {
  const current = currentOf(versions);
  return (request: FastifyRequest, reply: FastifyReply): void => {
    const asked = request.headers['accept-version'];
    if (asked === undefined && isMandatory) throw refusals.versionRequired(current.name);
    const version = asked === undefined ? current : findVersion(versions, String(asked).trim());
    const isGone = version?.leaving != null && version.leaving.endsAt <= now();
    if (!version || isGone) throw refusals.unsupportedVersion(String(asked), current.name);
    reply.header('content-version', version.name);
    if (version.leaving === null) return;
    // RFC 9745 and RFC 8594: a structured date, and one of HTTP.
    reply.header('deprecation', `@${Math.floor(version.leaving.deprecatedAt.getTime() / 1_000)}`);
    reply.header('sunset', version.leaving.endsAt.toUTCString());
  };
}

/** The version that a request gets which names none. */
function currentOf(versions: readonly ApiVersion[]): ApiVersion {
  const current = versions.find(({ leaving }) => leaving === null);
  if (!current) throw new TypeError('no version of the API is the current one');
  return current;
}

function findVersion(versions: readonly ApiVersion[], asked: string): ApiVersion | undefined {
  return versions.find(({ name }) => name === asked || name.startsWith(`${asked}.`));
}
