/**
 * The TLS certificate of the pod, read again once a minute: a mounted secret changes under a running pod, with nobody
 * there to send a signal. New connections get the new one, open ones keep theirs. A pair that cannot be used (half
 * written, key of another certificate) is logged, and the former one stays.
 */
import { readFile } from "node:fs/promises";
import { createSecureContext, type SecureContext } from "node:tls";
import { limits } from "#common/contract/limits.ts";
import type { Clock } from "#common/kernel/clock.ts";
import { MoaError } from "#common/kernel/errors.ts";
import type { Part } from "#common/kernel/lifecycle.ts";
import type { Log } from "#common/observe/logger.ts";

export interface CertificateOptions {
  /** PEM. */
  readonly tlsCertFile: string;
  readonly tlsKeyFile: string;
  readonly clock: Clock;
  readonly log: Log;
}

export class Certificate implements Part {
  readonly name = "certificate";
  readonly #options: CertificateOptions;
  #pem = "";
  #context: SecureContext | undefined;
  #cancel: () => void = () => {};

  constructor(options: CertificateOptions) {
    this.#options = options;
  }

  /** Undefined only before the start. */
  get context(): SecureContext | undefined {
    return this.#context;
  }

  /** @throws MoaError config_invalid when the files cannot be read or do not belong together */
  async start(): Promise<void> {
    try {
      await this.#read();
    } catch (cause) {
      const why = (cause as Error).message;
      throw new MoaError("config_invalid", `MOA_TLS_CERT_FILE and MOA_TLS_KEY_FILE cannot be used: ${why}`, { cause });
    }
    this.#checkLater();
  }

  async stop(): Promise<void> {
    this.#cancel();
  }

  #checkLater(): void {
    this.#cancel = this.#options.clock.after(limits.certificateCheckEveryMs, () => void this.#check());
  }

  async #check(): Promise<void> {
    const { log } = this.#options;
    try {
      if (await this.#read()) log.info({ tag: "SERVER" }, "the TLS certificate was read anew");
    } catch (error) {
      log.error({ tag: "SERVER", err: error }, "the TLS certificate cannot be used; the former one stays");
    }
    this.#checkLater();
  }

  /** True when it is another than before. */
  async #read(): Promise<boolean> {
    const { tlsCertFile, tlsKeyFile } = this.#options;
    const [cert, key] = await Promise.all([readFile(tlsCertFile, "utf8"), readFile(tlsKeyFile, "utf8")]);
    if (this.#pem === cert + key) return false;
    this.#context = createSecureContext({ cert, key, minVersion: "TLSv1.2" });
    this.#pem = cert + key;
    return true;
  }
}
