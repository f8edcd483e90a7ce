import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { Order } from "./load.ts";

const STEP_MS_MAX = 60_000;

/** The load generator's process, from its parent's side. */
export class Load {
  readonly #process: ChildProcess = fork(join(import.meta.dirname, "load.ts"), {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });

  /** @throws Error when it dies or takes longer than a minute */
  async order<T>(order: Order): Promise<T> {
    this.#process.send(order);
    const over = new AbortController();
    const signal = AbortSignal.any([over.signal, AbortSignal.timeout(STEP_MS_MAX)]);
    const died = once(this.#process, "exit", { signal }).then(() => {
      throw new Error(`the load generator died at its step ${order.step}`);
    });
    // Also when nobody waits for it any more.
    died.catch(() => {});
    try {
      const [said] = (await Promise.race([once(this.#process, "message", { signal }), died])) as [{ result: T }];
      return said.result;
    } finally {
      over.abort();
    }
  }

  end(): void {
    this.#process.kill();
  }
}
