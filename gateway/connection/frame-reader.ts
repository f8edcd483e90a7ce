import type { Metrics } from "#common/observe/metrics.ts";
import type { Decoded, Session } from "#gateway/platforms/platform.ts";
import type { ConnectionLog } from "./connection-log.ts";
import type { Input } from "./transition.ts";

/** Frames of one connection to what they mean for its state. */
export class FrameReader {
  readonly #session: Session;
  readonly #metrics: Pick<Metrics, "frames">;
  readonly #log: ConnectionLog;

  constructor(session: Session, metrics: Pick<Metrics, "frames">, log: ConnectionLog) {
    this.#session = session;
    this.#metrics = metrics;
    this.#log = log;
  }

  /** @param receivedAt epoch ms */
  read(frame: Uint8Array, receivedAt: number): Input {
    const decoded = this.#decode(frame);
    if (decoded.kind === "fault" || decoded.kind === "refuse") return decoded;
    this.#metrics.frames.inc(1, { direction: "in", type: decoded.kind });
    if (decoded.kind !== "chat") return decoded;
    const { line, claims, proof } = decoded;
    return { kind: "chat", read: { line, frame, receivedAt, proof }, claims };
  }

  /** A codec that throws is our bug, and must not cost the other connections their pod. */
  #decode(frame: Uint8Array): Decoded {
    try {
      return this.#session.decode(frame);
    } catch (error) {
      this.#log.say("error", { tag: "MSG", err: error }, "the codec failed on a line");
      return { kind: "fault", fault: "not_json", detail: "the codec failed" };
    }
  }
}
