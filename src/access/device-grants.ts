/**
 * What a device's grants allow. A grant is a topic filter (MQTT 3.1.1, 4.7); several are alternatives, and none allows
 * nothing. A wildcard at the front of a grant does not reach topics that begin with `$` [MQTT-4.7.2-1].
 */

/** Whether a topic lies under one of the grants, so that something may be published there. */
export function isGranted(grants: readonly string[], topic: string): boolean {
  return takenApart(grants).some((grant) => matchesGrant(grant, topic));
}

/** Whether every topic that `filter` matches lies under one and the same grant, so that it may be subscribed to. */
export function isCovered(grants: readonly string[], filter: string): boolean {
  const levels = filter.split('/');
  return takenApart(grants).some((grant) => coversLevels(grant.levels, levels));
}

/** Whether a text is a topic filter: `#` only as the last level, `+` only as a whole one [MQTT-4.7.1-2], [MQTT-4.7.1-3]. */
export function isTopicFilter(text: string): boolean {
  if (text === '' || text.includes('\0') || Buffer.byteLength(text) > 65_535) return false;
  const levels = text.split('/');
  return levels.every((level, i) => {
    if (level === '#') return i === levels.length - 1;
    return level === '+' || !/[+#]/.test(level);
  });
}

type Grant = {
  readonly text: string;
  readonly levels: readonly string[];
  readonly isReserved: boolean;
  /** What topics begin with, for a grant that has no wildcard but `/#` at its end. */
  readonly prefix: string | undefined;
};

const known = new WeakMap<readonly string[], readonly Grant[]>();

/**
 * The grants of a device, taken apart once and not for every message: fifty long ones cost more than the message does, and
 * a SUBSCRIBE has room for a hundred thousand filters.
 */
function takenApart(grants: readonly string[]): readonly Grant[] {
  const found = known.get(grants);
  if (found) return found;
  const made = grants.map((text): Grant => {
    const plain = text.endsWith('/#') && !text.includes('+') ? text.slice(0, -1) : undefined;
    return { text, levels: text.split('/'), isReserved: text.startsWith('$'), prefix: plain };
  });
  known.set(grants, made);
  return made;
}

function matchesGrant({ text, levels, isReserved, prefix }: Grant, topic: string): boolean {
  if (text === topic) return true;
  if (topic.startsWith('$') !== isReserved) return false;
  if (text === '#') return true;
  if (prefix !== undefined) return topic.startsWith(prefix) || topic === prefix.slice(0, -1);
  // One level more than the grant has tells as much as all of them.
  return matchesLevels(levels, topic.split('/', levels.length + 1));
}

function matchesLevels(filter: readonly string[], topic: readonly string[]): boolean {
  for (const [i, level] of filter.entries()) {
    if (level === '#') return i === filter.length - 1;
    if (i >= topic.length) return false;
    if (level !== '+' && level !== topic[i]) return false;
  }
  return filter.length === topic.length;
}

function coversLevels(grant: readonly string[], filter: readonly string[]): boolean {
  if (filter[0]?.startsWith('$') && !grant[0]?.startsWith('$')) return false;
  for (const [i, level] of grant.entries()) {
    // `a/#` matches `a` as well (4.7.1.2), so it covers the filter `a`.
    if (level === '#') return i === grant.length - 1;
    const wanted = filter[i];
    if (wanted === undefined || wanted === '#') return false;
    if (level !== '+' && level !== wanted) return false;
  }
  return grant.length === filter.length;
}
