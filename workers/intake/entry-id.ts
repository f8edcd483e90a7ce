/** Redis stream ids, `<ms>-<n>`, in order. */
export function isUpTo(id: string, bound: string): boolean {
  const [ms = 0, n = 0] = id.split("-").map(Number);
  const [boundMs = 0, boundN = 0] = bound.split("-").map(Number);
  return ms < boundMs || (ms === boundMs && n <= boundN);
}
