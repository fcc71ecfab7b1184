/** Topic filters (MQTT 5, 4.7) as sets of topics: what of one lies in another. */

/**
 * What to subscribe to: of the topics that are understood, those that are granted. No filter lies within another, so that
 * nothing comes twice where it can be helped.
 */
export function planFilters(granted: readonly string[], understood: readonly string[]): string[] {
  const found = new Set<string>();
  for (const one of granted) {
    for (const other of understood) {
      const common = intersectFilters(one, other);
      if (common !== undefined) found.add(common);
    }
  }
  const all = [...found];
  return all
    .filter((inner) => !all.some((outer) => outer !== inner && intersectFilters(outer, inner) === inner))
    .sort();
}

/** The filter that matches what both match; undefined when no topic is matched by both. */
export function intersectFilters(one: string, other: string): string | undefined {
  // [MQTT-4.7.2-1]: a wildcard at the front does not match a topic of the server's own.
  if (one.startsWith('$') !== other.startsWith('$')) return undefined;
  const [a, b] = [one.split('/'), other.split('/')];
  const common: string[] = [];
  for (let i = 0; ; i++) {
    const [x, y] = [a[i], b[i]];
    if (x === '#') return join(common, b.slice(i));
    if (y === '#') return join(common, a.slice(i));
    if (x === undefined && y === undefined) return common.join('/');
    if (x === undefined || y === undefined) return undefined;
    if (x !== '+' && y !== '+' && x !== y) return undefined;
    common.push(x === '+' ? y : x);
  }
}

function join(common: readonly string[], rest: readonly string[]): string {
  return [...common, ...rest].join('/');
}
