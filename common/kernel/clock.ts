/** Time comes in as an argument, so that a simulation can own it. */
export interface Clock {
  /** Wall clock, epoch ms. May jump. */
  nowMs(): number;
  /** Never goes back; stands still while the machine is suspended. */
  monotonicMs(): number;
  /** Runs `then` once after `ms`; calling the returned function before that cancels it. */
  after(ms: number, then: () => void): () => void;
}

/** Resolves after `ms`, or at once when the signal aborts. Never rejects: the caller looks at the signal. */
export function pause(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const end = () => {
      cancel();
      signal?.removeEventListener("abort", end);
      resolve();
    };
    const cancel = clock.after(ms, end);
    signal?.addEventListener("abort", end);
  });
}
