/** For our own mistakes, never for bad input. */
export function assert(claim: unknown, says: string): asserts claim {
  if (!claim) throw new Error(`broken assumption: ${says}`);
}

/** Makes a switch over a union exhaustive at compile time. */
export function never(value: never): never {
  throw new Error(`unexpected ${JSON.stringify(value)}`);
}
