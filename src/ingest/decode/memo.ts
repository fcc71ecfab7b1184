/** A function's answers by its text, kept for as long as they are asked for. */
export type Memo<Value> = {
  get(key: string): Value | undefined;
  set(key: string, value: Value): void;
};

/**
 * Keeps the answers that were asked for of late, `entriesMax` at least and twice that at most: two generations, of which
 * the older is dropped when the younger is full. What is found in the older moves to the younger.
 */
export function createMemo<Value>(entriesMax: number): Memo<Value> {
  let young = new Map<string, Value>();
  let old = new Map<string, Value>();
  const set = (key: string, value: Value) => {
    if (young.size >= entriesMax) {
      old = young;
      young = new Map();
    }
    young.set(key, value);
  };
  return {
    get: (key) => {
      const found = young.get(key);
      if (found !== undefined) return found;
      const older = old.get(key);
      if (older !== undefined) set(key, older);
      return older;
    },
    set,
  };
}
