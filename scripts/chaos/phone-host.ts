/** A process of phones from its parent's side: orders go in, what happened goes to the history. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { programOf } from "#scripts/stack/program.ts";
import type { History } from "./history.ts";
import type { Order, PhoneSpec, Report } from "./phone-process.ts";

const WELCOME_MS_MAX = 30_000;

export class PhoneHost {
  readonly #process: ChildProcess;
  readonly #history: History;
  readonly #welcomed = new Set<number>();
  readonly #connection = new Map<number, number>();
  #wakeUp: () => void = () => {};

  constructor(history: History) {
    this.#history = history;
    // The kernel kills it when we die: a stopped process cannot hear that its parent is gone.
    const program = [process.execPath, join(import.meta.dirname, "phone-process.ts")];
    this.#process = spawn(programOf("setpriv"), ["--pdeathsig", "KILL", ...program], {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    this.#process.on("message", (reports: readonly Report[]) => {
      for (const report of reports) this.#hear(report);
      this.#wakeUp();
    });
  }

  get pid(): number {
    return this.#process.pid as number;
  }

  /** Number of the phone's open connection; undefined while it has none. */
  connectionOf(phone: number): number | undefined {
    return this.#connection.get(phone);
  }

  order(order: Order): void {
    this.#process.send(order);
  }

  /** @throws Error when a phone is not welcomed in time */
  async open(run: string, phones: readonly PhoneSpec[]): Promise<void> {
    this.order({ do: "open", run, phones });
    const late = AbortSignal.timeout(WELCOME_MS_MAX);
    while (!phones.every(({ number }) => this.#welcomed.has(number))) {
      if (late.aborted) throw new Error(`phones were not welcomed within ${WELCOME_MS_MAX} ms`);
      await new Promise<void>((resolve) => {
        this.#wakeUp = resolve;
        late.addEventListener("abort", () => resolve(), { once: true });
      });
    }
  }

  /** As a hung script: the kernel goes on acknowledging what it is sent. */
  signal(signal: "SIGSTOP" | "SIGCONT"): void {
    this.#process.kill(signal);
  }

  async end(): Promise<void> {
    const ended = once(this.#process, "exit");
    this.#process.kill("SIGKILL");
    await ended;
  }

  #hear(report: Report): void {
    const [kind, at, phone, connection] = report;
    if (kind === "sent") this.#history.add({ kind, at, phone, connection, text: report[4] });
    else if (kind === "shown") {
      const [, , , , text, resent, epoch, writtenAt] = report;
      this.#history.add({ kind, at, phone, connection, text, resent, epoch, writtenAt });
    } else {
      if (kind === "welcome") this.#welcomed.add(phone);
      else if (kind === "connected") this.#connection.set(phone, connection);
      else this.#connection.delete(phone);
      this.#history.add({ kind, at, phone, connection });
    }
  }
}
