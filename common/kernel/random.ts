/** Chance comes in as an argument, so that a simulation can replay it. */
export interface Random {
  /** Uniform in [0, 1). */
  next(): number;
  /** Lower-case hex of that many random bytes: names that must not meet again. */
  hex(bytes: number): string;
}

/** mulberry32: the chance of one turn, derived from its event so that a re-run decides the same. Not for secrets. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
  const hex = (bytes: number) =>
    Array.from({ length: bytes }, () =>
      Math.floor(next() * 256)
        .toString(16)
        .padStart(2, "0"),
    ).join("");
  return { next, hex };
}
