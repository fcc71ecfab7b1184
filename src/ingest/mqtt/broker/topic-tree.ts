/**
 * Filters and topics of one tenant, level by level (MQTT 3.1.1, 4.7). The same tree answers both questions: which filters
 * does a topic match, and which topics does a filter match.
 *
 *   a/b, a/+, #      root ─┬─ a ─┬─ b   a/b
 *                          │     └─ +   a/+
 *                          └─ #         #
 */

export type TopicTree<Value> = {
  get(key: string): Value | undefined;
  set(key: string, value: Value): void;
  delete(key: string): void;
  /** Calls `found` with the value of each filter in the tree that the topic matches. */
  eachMatching(topic: string, found: (value: Value) => void): void;
  /** Calls `found` with the value of each topic in the tree that the filter matches. */
  eachWithin(filter: string, found: (value: Value) => void): void;
  size(): number;
};

type Node<Value> = { value: Value | undefined; readonly children: Map<string, Node<Value>> };

/** An empty tree; a key is a topic or a filter of as many levels as the caller admits: each is a step of a recursion. */
export function createTopicTree<Value>(): TopicTree<Value> {
  const root: Node<Value> = { value: undefined, children: new Map() };
  let size = 0;
  return {
    get: (key) => find(root, key)?.value,
    set: (key, value) => {
      let node = root;
      for (const level of key.split('/')) {
        const next: Node<Value> = node.children.get(level) ?? { value: undefined, children: new Map() };
        if (next.children.size === 0) node.children.set(level, next);
        node = next;
      }
      if (node.value === undefined) size++;
      node.value = value;
    },
    delete: (key) => {
      if (remove(root, key.split('/'), 0)) size--;
    },
    eachMatching: (topic, found) => matchFilters(root, { levels: topic.split('/'), at: 0, found }),
    eachWithin: (filter, found) => matchTopics(root, { levels: filter.split('/'), at: 0, found }),
    size: () => size,
  };
}

function find<Value>(root: Node<Value>, key: string): Node<Value> | undefined {
  let node: Node<Value> | undefined = root;
  for (const level of key.split('/')) node = node?.children.get(level);
  return node;
}

/** Forgets a key, and the levels that led to nothing else. */
function remove<Value>(node: Node<Value>, levels: readonly string[], at: number): boolean {
  if (at === levels.length) {
    const wasThere = node.value !== undefined;
    node.value = undefined;
    return wasThere;
  }
  const level = levels[at] as string;
  const child = node.children.get(level);
  if (!child) return false;
  const wasThere = remove(child, levels, at + 1);
  if (child.value === undefined && child.children.size === 0) node.children.delete(level);
  return wasThere;
}

type Search<Value> = {
  readonly levels: readonly string[];
  readonly at: number;
  readonly found: (value: Value) => void;
};

function matchFilters<Value>(node: Node<Value>, { levels, at, found }: Search<Value>): void {
  // [MQTT-4.7.2-1]: a wildcard at the front does not match a topic that begins with $.
  const hasWildcards = at > 0 || !levels[0]?.startsWith('$');
  // `a/#` matches `a` as well (4.7.1.2).
  const rest = hasWildcards ? node.children.get('#') : undefined;
  if (rest?.value !== undefined) found(rest.value);
  if (at === levels.length) {
    if (node.value !== undefined) found(node.value);
    return;
  }
  const next = { levels, at: at + 1, found };
  const same = node.children.get(levels[at] as string);
  if (same) matchFilters(same, next);
  const any = hasWildcards ? node.children.get('+') : undefined;
  if (any) matchFilters(any, next);
}

function matchTopics<Value>(node: Node<Value>, { levels, at, found }: Search<Value>): void {
  if (at === levels.length) {
    if (node.value !== undefined) found(node.value);
    return;
  }
  const level = levels[at] as string;
  if (level !== '#' && level !== '+') {
    const same = node.children.get(level);
    if (same) matchTopics(same, { levels, at: at + 1, found });
    return;
  }
  // `a/#` matches `a` as well (4.7.1.2).
  if (level === '#' && at > 0 && node.value !== undefined) found(node.value);
  for (const [name, child] of node.children) {
    if (at === 0 && name.startsWith('$')) continue; // [MQTT-4.7.2-1]
    if (level === '+') matchTopics(child, { levels, at: at + 1, found });
    else collect(child, found);
  }
}

function collect<Value>(node: Node<Value>, found: (value: Value) => void): void {
  if (node.value !== undefined) found(node.value);
  for (const child of node.children.values()) collect(child, found);
}
