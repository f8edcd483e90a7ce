/**
 * Who is admitted: may write for its bot or stand by, replaces its device's older connection, is answered. Decided once a
 * connection and frame, from what the connection is, never from what a frame says it is.
 *
 *   identified ──from outside its bot's networks──> refused: for good, and so is every line
 *       │      ──a device that is nobody's────────> unapproved: for good
 *       v
 *   device approved? ──no, or nobody knows──> unapproved: its lines go on record, and no further
 *       │                ^  changes take effect here and now, on a phone that stays connected
 *       v                v
 *   signatures required? ──yes──> unproven: the handshake's answer and our pings, until one frame holds
 *       │                            v
 *       └───────────────────────> admitted
 *
 * Under `require` a line without a signature that holds goes nowhere, whoever sent it. Under `warn` it is processed, under
 * an id of its own space (untrustedIdOf). A bot without a key has nothing to hold a signature against: nothing of it is
 * ever trusted more than the rest, so that its lines keep their ordinary ids; under `require` none of it is admitted.
 *
 * Once admitted, a connection replaces every older one of its device: its phone has left them. One that is not admitted
 * replaces nothing, as it cannot be told from a stranger's.
 *
 * What anybody may say without being admitted costs no promise, no query and no log line a frame.
 */
import { limits } from "#common/contract/limits.ts";
import type { Clock } from "#common/kernel/clock.ts";
import type { Random } from "#common/kernel/random.ts";
import type { Log } from "#common/observe/logger.ts";
import type { Metrics } from "#common/observe/metrics.ts";
import type { SignatureResult } from "#common/observe/signature-results.ts";
import type { ApprovalStatus, DeviceAsked, DeviceKey } from "#common/ports/approvals.ts";
import type { Identity, Platform, Proof } from "#gateway/platforms/platform.ts";
import { Quota } from "./quota.ts";
import type { Policy } from "./signing-policy.ts";

/** What a pod knows of devices: common/access/approvals.ts. Undefined = nobody knows. Neither call rejects. */
export interface KnownDevices {
  device(asked: DeviceAsked): ApprovalStatus | undefined | Promise<ApprovalStatus | undefined>;
  onDevice(listener: (device: DeviceKey, status: ApprovalStatus | undefined) => void): void;
}

/** What admission needs of a connection. */
export interface Applicant {
  readonly id: string;
  /** Without port. */
  readonly address: string;
  readonly identity: Identity | null;
  readonly isOpen: boolean;
  /** What the pod thinks of the device is known: the handshake may be answered, and what was said goes on. */
  decided(status: string, options: { readonly probe: boolean }): void;
  setAdmitted(admitted: boolean): void;
}

/** `unapproved`: on record only. `untrusted`: processed, but its id must not stand in a trusted line's way. */
export type Trust = "trusted" | "untrusted" | "unapproved";
/** What a frame is judged by. `receivedAt`: epoch ms. */
export interface Judged {
  readonly proof: Proof | null;
  readonly receivedAt: number;
}

const REFUSALS = ["source", "no_key", "unsigned", "bad_signature"] as const;
/** Nothing may follow from the frame. */
export type Refusal = (typeof REFUSALS)[number];

export function isRefusal(judgement: Trust | Refusal): judgement is Refusal {
  return (REFUSALS as readonly string[]).includes(judgement);
}

export interface AdmissionOptions<A extends Applicant> {
  readonly verify: Platform["verify"];
  readonly approvals: KnownDevices;
  readonly clock: Clock;
  readonly random: Random;
  readonly metrics: Metrics;
  readonly log: Log;
  policyOf(bot: string): Policy;
  /** Called after the connection was told. `replaced`: older ones of its device, to be ended and not waited for. */
  onAdmitted(applicant: A, replaced: readonly A[]): void;
  /** It was admitted, and stays open. */
  onDismissed(applicant: A): void;
}

/** Not for the approvals to say: still asked for the first time, from outside its bot's networks, nobody's device. */
type OwnStatus = "asking" | "source" | "unreadable";
const OWN: ReadonlySet<string | undefined> = new Set<OwnStatus>(["asking", "source", "unreadable"]);

interface Standing<A> {
  readonly applicant: A;
  readonly identity: Identity;
  readonly policy: Policy;
  status: ApprovalStatus | OwnStatus | undefined;
  proven: boolean;
  admitted: boolean;
  /** Of its newest frame that was judged. */
  signature: SignatureResult | null;
  /** It was counted that its bot has no key. */
  keyless: boolean;
  /** The one of its device before it: a chain, because nearly every device has one connection. */
  older: Standing<A> | undefined;
}

/**
 * What phones say that cannot read their own id, and the one id that a whole series of them shared. Approving it would
 * approve every such phone, so that it is never asked for; somebody has to mend the phone.
 */
const NOBODYS: ReadonlySet<string> = new Set(["unknown", "null", "undefined", "9774d56d682e549c"]);

export class Admission<A extends Applicant> {
  readonly #options: AdmissionOptions<A>;
  readonly #standings = new Map<string, Standing<A>>();
  /** The newest of each device. */
  readonly #newest = new Map<string, Standing<A>>();
  /** Where each device was last proven from, the latest last. */
  readonly #addresses = new Map<string, string>();
  readonly #warnings = new Quota({
    perSecond: 1_000 / limits.warnAgainMs,
    burst: 1,
    keysMax: limits.quotaKeysMax,
  });

  constructor(options: AdmissionOptions<A>) {
    this.#options = options;
    options.approvals.onDevice((device, status) => this.#changed(device, status));
  }

  /** A connection has its identity. Decides at once, or when the approvals have been asked. */
  identified(applicant: A, identity: Identity): void {
    const policy = this.#options.policyOf(identity.bot);
    const older = this.#newest.get(keyOf(identity));
    const none = { proven: false, admitted: false, signature: null, keyless: false };
    const standing: Standing<A> = { applicant, identity, policy, status: "asking", ...none, older };
    this.#standings.set(applicant.id, standing);
    this.#newest.set(keyOf(identity), standing);
    if (!policy.allows(applicant.address)) this.#first(standing, "source");
    else if (NOBODYS.has(identity.device.trim().toLowerCase())) this.#first(standing, "unreadable");
    else {
      const status = this.#ask(standing);
      if (status instanceof Promise) void status.then((known) => this.#first(standing, known));
      else this.#first(standing, status);
    }
  }

  closed({ id }: A): void {
    const standing = this.#standings.get(id);
    if (standing === undefined) return;
    this.#standings.delete(id);
    const key = keyOf(standing.identity);
    let newer = this.#newest.get(key);
    if (newer !== standing) {
      while (newer !== undefined && newer.older !== standing) newer = newer.older;
      if (newer !== undefined) newer.older = standing.older;
    } else if (standing.older === undefined) this.#newest.delete(key);
    else this.#newest.set(key, standing.older);
  }

  /** For operators: why it is not admitted, if it is not. */
  about({ id }: A): { readonly status: string | null; readonly signature: string | null } {
    const standing = this.#standings.get(id);
    if (standing === undefined) return { status: null, signature: null };
    return { status: standing.status ?? "unknown", signature: standing.signature };
  }

  /** What a frame of an identified connection proves; the first that holds may admit it. */
  judge(applicant: A, { proof, receivedAt }: Judged): Trust | Refusal {
    const standing = this.#standings.get(applicant.id);
    if (standing === undefined || standing.status === "source") return "source";
    const { required, keys } = standing.policy;
    if (keys.length === 0) {
      if (!standing.keyless) this.#found(standing, "no_key");
      standing.keyless = true;
      if (required) return "no_key";
      return standing.status === "approved" ? "trusted" : "unapproved";
    }
    const holds = this.#holds(standing, proof, receivedAt);
    if (!holds && required) return proof === null ? "unsigned" : "bad_signature";
    if (standing.status !== "approved") return "unapproved";
    return holds ? "trusted" : "untrusted";
  }

  #holds(standing: Standing<A>, proof: Proof | null, nowMs: number): boolean {
    const { identity, policy } = standing;
    const { result, skewMs } = this.#options.verify(proof, { identity, keys: policy.keys, nowMs });
    this.#found(standing, result);
    if (skewMs !== null) this.#measured(standing, skewMs);
    const holds = result === "valid" || result === "valid_second_key";
    if (holds && !standing.proven) this.#proven(standing);
    return holds;
  }

  #found(standing: Standing<A>, result: SignatureResult): void {
    standing.signature = result;
    this.#options.metrics.signatures.inc(1, { result });
    if (result !== "valid" && result !== "valid_second_key")
      this.#warn(standing, { result }, "no signature that holds");
  }

  #measured(standing: Standing<A>, skewMs: number): void {
    const apartMs = Math.abs(skewMs);
    this.#options.metrics.clientClockSkewSeconds.observe(apartMs / 1_000);
    if (apartMs > limits.skewToleratedMs) this.#warn(standing, { skewMs }, "a phone's clock is wrong");
  }

  #proven(standing: Standing<A>): void {
    standing.proven = true;
    const key = keyOf(standing.identity);
    const { address } = standing.applicant;
    const last = this.#addresses.get(key);
    if (last !== undefined && last !== address) this.#options.metrics.deviceAddressChanges.inc(1);
    this.#addresses.delete(key);
    this.#addresses.set(key, address);
    if (this.#addresses.size > limits.deviceAddressesMax) {
      this.#addresses.delete(this.#addresses.keys().next().value ?? "");
    }
    this.#settle(standing);
  }

  #ask({ applicant, identity }: Standing<A>): ReturnType<KnownDevices["device"]> {
    const { bot, device, clientType, version } = identity;
    const { address } = applicant;
    return this.#options.approvals.device({ bot, device, address, clientType, clientVersion: version });
  }

  #first(standing: Standing<A>, status: Exclude<Standing<A>["status"], "asking">): void {
    const { applicant, policy } = standing;
    if (!applicant.isOpen) return;
    this.#options.metrics.connectionsIdentified.inc(1, { status: status ?? "unknown" });
    this.#set(standing, status);
    if (status !== "approved") this.#warn(standing, { status }, "a device is not approved");
    if (status === undefined) this.#askAgain(standing);
    applicant.decided(status ?? "pending", { probe: policy.required && policy.keys.length > 0 });
  }

  /** Nobody knew it when it came, so that nobody will tell of its change. */
  #askAgain(standing: Standing<A>): void {
    const { clock, random } = this.#options;
    clock.after(limits.approvalAgainMs * (1 + random.next()), () => void this.#again(standing));
  }

  async #again(standing: Standing<A>): Promise<void> {
    const isOpen = () => standing.applicant.isOpen && standing.status === undefined;
    const status = isOpen() ? await this.#ask(standing) : undefined;
    if (!isOpen()) return;
    if (status === undefined) this.#askAgain(standing);
    else this.#set(standing, status);
  }

  #changed(device: DeviceKey, status: ApprovalStatus | undefined): void {
    // Newest first: admitted, it ends the others, whose turn then finds them closed.
    for (const standing of chainFrom(this.#newest.get(keyOf(device)))) {
      if (!OWN.has(standing.status)) this.#set(standing, status);
    }
  }

  #set(standing: Standing<A>, status: Standing<A>["status"]): void {
    standing.status = status;
    this.#settle(standing);
  }

  #settle(standing: Standing<A>): void {
    const { applicant, policy, status, proven } = standing;
    const admitted = applicant.isOpen && status === "approved" && (proven || !policy.required);
    if (admitted === standing.admitted) return;
    standing.admitted = admitted;
    applicant.setAdmitted(admitted);
    if (admitted)
      this.#options.onAdmitted(
        applicant,
        chainFrom(standing.older).map((older) => older.applicant),
      );
    else this.#options.onDismissed(applicant);
  }

  /** Each thing once a minute and device: anybody can make them happen by the thousand. */
  #warn({ applicant, identity }: Standing<A>, what: object, says: string): void {
    const { clock, log } = this.#options;
    if (!this.#warnings.tryTake(`${says}\0${keyOf(identity)}`, clock.monotonicMs())) return;
    const { bot, device } = identity;
    log.warn({ connection: applicant.id, address: applicant.address, bot, device, ...what }, says);
  }
}

function chainFrom<A>(newest: Standing<A> | undefined): readonly Standing<A>[] {
  const chain = [];
  for (let one = newest; one !== undefined; one = one.older) chain.push(one);
  return chain;
}

function keyOf({ bot, device }: DeviceKey): string {
  return `${bot}\0${device}`;
}
