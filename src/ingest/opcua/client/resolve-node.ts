import { coerceNodeId, type NodeId } from 'node-opcua-client';
import type { NodeKey } from '../connection.ts';
import { nodeIdOf } from '../node-key.ts';

/** The node that a key names at a server with these namespaces; null where it has no such namespace, or no such form. */
export function resolveNode(key: NodeKey, namespaces: readonly string[]): NodeId | null {
  const text = nodeIdOf(key, namespaces);
  if (text === undefined) return null;
  try {
    return coerceNodeId(text);
  } catch {
    return null;
  }
}
