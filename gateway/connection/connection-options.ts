import type { Evidence } from "#common/contract/evidence.ts";
import type { Vitals } from "#common/contract/vitals.ts";
import type { Clock } from "#common/kernel/clock.ts";
import type { Random } from "#common/kernel/random.ts";
import type { Log } from "#common/observe/logger.ts";
import type { CloseReason } from "#common/observe/metric-catalogue.ts";
import type { Metrics } from "#common/observe/metrics.ts";
import type { Identity, Proof, Session } from "#gateway/platforms/platform.ts";
import type { HeldBytes } from "./held-bytes.ts";
import type { StrangerLog } from "./stranger-log.ts";
import type { ReadLine } from "./transition.ts";
import type { Wire } from "./wire.ts";

/** What a connection works with, and what it asks and tells the pod that it is one of. */
export interface ConnectionOptions<Connection> {
  readonly wire: Wire;
  readonly session: Session;
  readonly clock: Clock;
  readonly random: Random;
  readonly metrics: Metrics;
  readonly log: Log;
  readonly held: HeldBytes;
  readonly strangers: StrangerLog;
  /** Has its identity from now on. `decided` follows, now or later. */
  onIdentified(connection: Connection, identity: Identity): void;
  /** False when nothing may follow from the frame that carries it. */
  believes(connection: Connection, proof: Proof | null): boolean;
  onLine(connection: Connection, read: ReadLine): void;
  /** False while the silence of connections may be the pod's own: its Redis is away, or came back less than pongMsMax ago. */
  mayJudge(): boolean;
  /** It is thought dead: nothing is to be written to it. If bytes wait in it, it is destroyed right after, else later. */
  onEvidence(connection: Connection, evidence: Evidence): void;
  /** It spoke after all: it is living again. */
  onRevived(connection: Connection): void;
  /** `rttSeconds` is null of the peer's own ping; of the answers to ours one in a while is told. */
  onVitals(connection: Connection, vitals: Vitals, rttSeconds: number | null): void;
  /** Exactly once. Its last lines may still be on their way to the lanes. */
  onClosed(connection: Connection, reason: CloseReason): void;
}
