/**
 * As much of the metadata of the old decorators proposal as the library asks for that makes certificates; it must be there
 * before that is loaded.
 */
const metadata = new WeakMap<object, Map<unknown, unknown>>();

const own = (key: unknown, target: object) => metadata.get(target)?.get(key);

Object.assign(Reflect, {
  getOwnMetadata: own,
  getMetadata: (key: unknown, target: object) => {
    for (let at: object | null = target; at; at = Object.getPrototypeOf(at)) {
      const found = own(key, at);
      if (found !== undefined) return found;
    }
    return undefined;
  },
  defineMetadata: (key: unknown, value: unknown, target: object) => {
    const known = metadata.get(target) ?? new Map();
    metadata.set(target, known.set(key, value));
  },
});
