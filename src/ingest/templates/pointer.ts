/** JSON pointers (RFC 6901): where in a document something stands. */

/** The steps of a pointer; the whole document has none. */
export type Pointer = readonly string[];

export const pointerLengthMax = 512;
const stepsMax = 32;

/** Reads a pointer; what is wrong with it, and what would be right, when it is none. */
export function parsePointer(text: string): { readonly pointer: Pointer } | { readonly problem: string } {
  if (text === '') return { pointer: [] };
  if (text.length > pointerLengthMax) return { problem: `must be at most ${pointerLengthMax} characters` };
  if (!text.startsWith('/')) {
    return { problem: `must be a JSON pointer, which begins with a slash: /${text.slice(0, 40).replaceAll('.', '/')}` };
  }
  if (/~(?![01])/.test(text)) return { problem: 'must write ~ as ~0 and a slash within a name as ~1 (RFC 6901)' };
  const steps = text.slice(1).split('/', stepsMax + 1);
  if (steps.length > stepsMax) return { problem: `must have at most ${stepsMax} steps` };
  return { pointer: steps.map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~')) };
}

/**
 * What stands in a document where the pointer leads; undefined where nothing does. Only what the document itself holds is
 * found: no step leads to what objects of the language have of their own.
 */
export function followPointer(document: unknown, pointer: Pointer): unknown {
  let found = document;
  for (const step of pointer) {
    if (typeof found !== 'object' || found === null) return undefined;
    // RFC 6901, section 4: no leading zeros; `-` is the element after the last, which does not exist.
    if (Array.isArray(found) && !/^(0|[1-9]\d{0,8})$/.test(step)) return undefined;
    if (!Object.hasOwn(found, step)) return undefined;
    found = (found as Record<string, unknown>)[step];
  }
  return found;
}
