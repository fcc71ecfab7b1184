/** Keys of nodes, which name their namespace by its URI: indexes are a server's own, and may be others after its restart. */
import type { NodeKey } from './connection.ts';

/** The namespace of OPC-UA itself, whose index is 0 everywhere. */
const namespaceOfOpcua = 'http://opcfoundation.org/UA/';

const identifier = /^(i=\d{1,10}|s=.+|g=[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}|b=[A-Za-z0-9+/]+={0,2})$/s;

/** Whether a text is the key of a node. */
export function isNodeKey(text: string): text is NodeKey {
  const parts = splitNodeKey(text);
  if (parts === undefined || !identifier.test(parts.identifier)) return false;
  return !parts.identifier.startsWith('i=') || Number(parts.identifier.slice(2)) <= 0xffff_ffff;
}

/** The URI and the identifier of a key; undefined where the text has neither form. */
function splitNodeKey(text: string): { readonly uri: string; readonly identifier: string } | undefined {
  if (!text.startsWith('nsu=')) return { uri: namespaceOfOpcua, identifier: text };
  // In a URI of a key `;` and `%` are written %3B and %25 (OPC 10000-6, 5.3.1.11), so that the first `;` ends it.
  const end = text.indexOf(';');
  if (end < 5) return undefined;
  const uri = text.slice(4, end).replaceAll('%3B', ';').replaceAll('%25', '%');
  return { uri, identifier: text.slice(end + 1) };
}

/** The text by which a server knows the node today, `ns=<index>;<identifier>`; undefined where it has no such namespace. */
export function nodeIdOf(key: NodeKey, namespaces: readonly string[]): string | undefined {
  const parts = splitNodeKey(key);
  if (parts === undefined) return undefined;
  const index = parts.uri === namespaceOfOpcua ? 0 : namespaces.indexOf(parts.uri);
  return index < 0 ? undefined : `ns=${index};${parts.identifier}`;
}

/** The key of a node that a server calls `ns=<index>;<identifier>`; undefined where it does not say what the index stands for. */
export function nodeKeyOf(nodeId: string, namespaces: readonly string[]): NodeKey | undefined {
  const match = /^(?:ns=(\d+);)?(.+)$/s.exec(nodeId);
  const index = Number(match?.[1] ?? 0);
  const name = match?.[2] ?? '';
  if (index === 0) return name;
  const uri = namespaces[index];
  return uri && `nsu=${uri.replaceAll('%', '%25').replaceAll(';', '%3B')};${name}`;
}
