/**
 * A server or pod that a stack runs as a process of its own. It can be started again with the same command, so that
 * tests can kill it and a person finds it on the same port.
 *
 *   stopped --start--> starting --ready--> running --stop, kill--> stopped
 *                         |                   |
 *                         +---- died <--------+      told to onDeath, with the last lines of its log
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { MoaError } from "#common/kernel/errors.ts";
import { rotateWhileFilling } from "./log-file.ts";
import { programOf } from "./program.ts";

export interface ChildSpec {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** Read at every start. */
  env(): NodeJS.ProcessEnv;
  readonly logFile: string;
  /** Resolves when it serves. Asked once per start; given up when the signal aborts. */
  ready(process: ChildProcess, signal: AbortSignal): Promise<void>;
  readonly readyMsMax: number;
  /** After that long SIGTERM becomes SIGKILL. */
  readonly stopMsMax: number;
}

const LOG_LINES = 15;

export class Child {
  readonly name: string;
  readonly #spec: ChildSpec;
  #process: ChildProcess | undefined;
  #exited: Promise<unknown> = Promise.resolve();
  /** Its end is our wish. */
  #isLeaving = false;
  /** Told when the process ends without having been asked to. */
  onDeath: (report: string) => void = () => {};

  constructor(spec: ChildSpec) {
    this.name = spec.name;
    this.#spec = spec;
  }

  /** Undefined while it is stopped. */
  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /** @throws MoaError server_unfit with the end of its log, when it is not ready in time */
  async start(): Promise<void> {
    const { command, args, logFile, ready, readyMsMax, env } = this.#spec;
    mkdirSync(dirname(logFile), { recursive: true });
    const log = openSync(logFile, "a", 0o600);
    const endRotation = rotateWhileFilling(logFile);
    // Servers ignore the channel; pods say through it when they are ready and on which ports.
    // A process group of its own: Ctrl-C in a terminal goes to the whole group, and servers would die before their pods.
    // The kernel kills it when we die, however: no server is left behind on data that the next stack opens.
    const bound = ["--pdeathsig", "KILL", command, ...args];
    const child = spawn(programOf("setpriv"), bound, {
      env: env(),
      stdio: ["ignore", log, log, "ipc"],
      detached: true,
    });
    closeSync(log);
    const exited = once(child, "exit").catch(() => {});
    this.#process = child;
    this.#exited = exited;
    this.#isLeaving = false;
    const given = new AbortController();
    let isReady = false;
    void exited.then(() => {
      endRotation();
      given.abort();
      this.#process = undefined;
      if (isReady && !this.#isLeaving)
        this.onDeath(this.#report(`died (${child.signalCode ?? `exit code ${child.exitCode}`})`));
    });
    const signal = AbortSignal.any([given.signal, AbortSignal.timeout(readyMsMax)]);
    const aborted = new Promise<never>((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    try {
      await Promise.race([ready(child, signal), aborted]);
      isReady = true;
    } catch (cause) {
      const how = given.signal.aborted
        ? `ended (exit code ${child.exitCode})`
        : `was not ready within ${readyMsMax} ms`;
      await this.kill();
      throw new MoaError("server_unfit", this.#report(`${how} while it started`), { cause });
    } finally {
      given.abort();
    }
  }

  /** SIGTERM, and SIGKILL when its time is over. */
  async stop(): Promise<void> {
    this.#isLeaving = true;
    this.signal("SIGTERM");
    // A stopped process cannot hear SIGTERM.
    this.signal("SIGCONT");
    const done = new AbortController();
    const late = sleep(this.#spec.stopMsMax, "late", { signal: done.signal }).catch(() => {});
    if ((await Promise.race([this.#exited, late])) === "late") await this.kill();
    done.abort();
  }

  /** As a power cut: SIGKILL, and gone when this resolves. */
  async kill(): Promise<void> {
    this.#isLeaving = true;
    this.signal("SIGKILL");
    await this.#exited;
  }

  signal(signal: NodeJS.Signals): void {
    this.#process?.kill(signal);
  }

  /** SIGSTOP, and still to its last thread when this resolves: kill(2) returns while those on other cores go on. */
  async pause(): Promise<void> {
    this.signal("SIGSTOP");
    while (this.pid !== undefined && !isStill(this.pid)) await sleep(1);
  }

  /** The end of its log, for a person who has to find out why. */
  logTail(lines = LOG_LINES): string {
    return readFileSync(this.#spec.logFile, "utf8").trimEnd().split("\n").slice(-lines).join("\n");
  }

  #report(what: string): string {
    return `${this.name} ${what}; the end of ${this.#spec.logFile}:\n${this.logTail().replace(/^/gm, "    ")}`;
  }
}

function isStill(pid: number): boolean {
  const threads = `/proc/${pid}/task`;
  try {
    return readdirSync(threads).every((id) => / T /.test(readFileSync(`${threads}/${id}/stat`, "utf8")));
  } catch {
    return false; // One of them ended meanwhile.
  }
}
