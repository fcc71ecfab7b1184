/** The greatest number that divides both; Infinity is divided by everything. */
export function commonDivisor(a: number, b: number): number {
  if (!Number.isFinite(a)) return b;
  return b === 0 ? a : commonDivisor(b, a % b);
}
