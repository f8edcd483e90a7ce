/** What every command of `moa` has at hand: the pods it was told of, and a way to show what they say. */
import type { SettingShown } from "#common/config/load.ts";
import { MoaError } from "#common/kernel/errors.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { type Answers, Pods } from "./pods.ts";
import { jsonLine } from "./print.ts";

export interface GivenOptions {
  readonly url?: string;
  readonly token?: string;
  readonly json?: boolean;
}

/** Where a person looks at what changes. */
export interface Terminal {
  readonly columns: number;
  readonly rows: number;
  /** Told once when the person wants to leave: q, Ctrl-C, or a signal. The function that is given ends the listening. */
  onLeave(listener: () => void): () => void;
}

export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Who the operator is on this machine. */
  readonly who: string;
  /** What a pod started here with these arguments would go by. @throws MoaError config_invalid */
  settings(given: readonly string[]): readonly SettingShown[];
  nowMs(): number;
  /** What a host's name stands for. */
  addressesOf(host: string): Promise<readonly string[]>;
  /** Ends sooner when the signal says so. */
  pause(ms: number, signal?: AbortSignal): Promise<void>;
  out(text: string): void;
  err(text: string): void;
  /** null when the output is no terminal. */
  readonly terminal: Terminal | null;
}

/** Where a pod's ops port is unless told otherwise. */
const DEFAULT_URL = "http://127.0.0.1:9464";

export class Desk {
  readonly surroundings: Surroundings;
  readonly #options: () => GivenOptions;
  exitCode: ExitCode = EXIT.ok;

  /** @param options known once the command line was read */
  constructor(surroundings: Surroundings, options: () => GivenOptions) {
    this.surroundings = surroundings;
    this.#options = options;
  }

  /** @throws MoaError asked_wrongly */
  get pods(): Pods {
    const { env, who, addressesOf } = this.surroundings;
    const { url, token } = this.#options();
    const urls = (url || env.MOA_OPS_URL || DEFAULT_URL).split(",").map((one) => urlOf(one.trim()));
    const given = token || env.MOA_OPS_TOKEN || "";
    if (given === "") throw new MoaError("not_authorised", "no token: give --token or set MOA_OPS_TOKEN");
    if (/[^\x21-\x7e]/.test(given))
      throw new MoaError("asked_wrongly", "the token has characters that no header takes");
    return new Pods({ urls, token: given, who, addressesOf });
  }

  get isForScripts(): boolean {
    return this.#options().json === true;
  }

  /** @param table for people; `value` is what scripts get */
  show(value: object, table: string): void {
    this.surroundings.out(this.isForScripts ? jsonLine(value) : table);
  }

  /** What some pods did not add is said, and counts as a failure of the command. */
  note({ unreachable }: Pick<Answers<unknown>, "unreachable">): void {
    if (unreachable.length === 0) return;
    this.exitCode = EXIT.unreachable;
    this.surroundings.err(`not complete: ${unreachable.join(", ")} did not answer\n`);
  }

  failed(error: Error): void {
    const code = error instanceof MoaError ? error.code : "failed";
    const says = error.message.replace(`${code}: `, "");
    if (this.isForScripts) this.surroundings.out(jsonLine({ error: { code, says } }));
    else this.surroundings.err(`moa: ${says}\n`);
  }
}

function urlOf(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^(dns[+])?https?:$/.test(url.protocol)) {
    throw new MoaError("asked_wrongly", `"${text}" is no URL of an ops port, as ${DEFAULT_URL}`);
  }
  return url;
}
