import type { FieldError } from '../platform/refusal.ts';
import { type Caller, maySee } from './api-key.ts';

/** What the placeholders of grants stand for; null where the device has none. */
export type GrantNames = {
  readonly site: string | null;
  readonly asset: string | null;
  readonly username: string;
  readonly external_id: string | null;
};

type Given = { readonly names: GrantNames; readonly pointer: string };

/**
 * Grants with the names of a device in the places of `{site}`, `{asset}`, `{username}` and `{external_id}`, and what is
 * wrong with them, below `pointer` in the body. A name may not bring wildcards or levels of its own along: whoever chose
 * it would choose the grant.
 */
export function fillGrants(
  grants: readonly string[],
  { names, pointer }: Given,
): { filled: string[]; errors: FieldError[] } {
  const errors: FieldError[] = [];
  const filled = grants.map((grant, i) =>
    grant.replace(/\{(\w+)\}/g, (placeholder, key: keyof GrantNames) => {
      const name = names[key];
      const fault =
        name === null
          ? `has ${placeholder}, but the device has no ${key}`
          : /[+#/$]/.test(name)
            ? `has ${placeholder}, but ${key} "${name}" holds one of + # / $, which no level of a topic may`
            : undefined;
      if (fault) errors.push({ in: 'body', pointer: `${pointer}/${i}`, code: 'invalid', message: fault });
      return name ?? placeholder;
    }),
  );
  return { filled: [...new Set(filled)], errors };
}

/**
 * What of grants a key that is limited to sites may not give: only topics below `telemetry/{slug}` and `insights/{slug}`
 * name their site, and a device's own telemetry goes to its own. Nothing for a key of the whole tenant.
 */
export function grantsBeyond(
  grants: readonly string[],
  { caller, site, pointer }: { caller: Caller; site: { id: string; slug: string } | null; pointer: string },
): FieldError[] {
  if (caller.siteIds === null) return [];
  return grants.flatMap((grant, i): FieldError[] => {
    const [root = '', slug] = grant.split('/');
    const isOwn = grant === 'v1/devices/me/telemetry';
    const isOfSite = (root === 'telemetry' || root === 'insights') && slug === site?.slug;
    if (site && maySee(caller, site.id) && (isOwn || isOfSite)) return [];
    const example = site ? `such as telemetry/${site.slug}/#` : 'and the device has no site';
    const message = `reaches beyond the sites of this API key, which may grant what lies below the device's site, ${example}`;
    return [{ in: 'body', pointer: `${pointer}/${i}`, code: 'forbidden', message }];
  });
}
