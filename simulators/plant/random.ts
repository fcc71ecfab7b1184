/**
 * Random numbers that a seed decides: mulberry32 (public domain, Tommy Ettinger), 32 bits of state, period 2^32.
 * Each part of the plant draws from a stream of its own, so that a fault in one part leaves the weather as it was.
 */
export type Random = {
  /** Even in [0, 1). */
  uniform(): number;
  /** Gaussian with mean 0 and standard deviation 1. */
  normal(): number;
};

/** A stream of random numbers; the same seed and stream name give the same numbers on every machine. */
export function createRandom(seed: number, stream: string): Random {
  let state = fnv1a(`${seed}/${stream}`);

  function uniform(): number {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  }

  /** Box and Muller's transform, of which the second value is left unused. */
  function normal(): number {
    return Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
  }

  return { uniform, normal };
}

/** Slow noise around zero (Ornstein-Uhlenbeck): `deviation` is its standard deviation, `memorySeconds` its decay. */
export function createDrift(random: Random, options: { deviation: number; memorySeconds: number }) {
  let value = options.deviation * random.normal();
  return {
    step(seconds: number): number {
      const kept = Math.exp(-seconds / options.memorySeconds);
      value = value * kept + options.deviation * Math.sqrt(1 - kept * kept) * random.normal();
      return value;
    },
  };
}

/** Fowler, Noll and Vo's 32-bit hash, FNV-1a, of a text's UTF-16 units. */
function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  return hash | 0;
}
