/**
 * What waits for the OTLP endpoint, counted: the SDK's own queue drops in silence.
 *
 *   span ends ──> room? ──yes──> the SDK's queue ──> export ──> sent | failed
 *                   └──no──> dropped: it never ends for the SDK, which forgets it
 */
import type { NodeSDKConfiguration } from "@opentelemetry/sdk-node";
import { limits } from "../contract/limits.ts";
import type { Metrics } from "./metrics.ts";

type Exporter = NodeSDKConfiguration["traceExporter"];

export class SpanQueue implements Exporter {
  readonly #exporter: Exporter;
  readonly #metrics: Pick<Metrics, "spans">;
  #waiting = 0;

  constructor(exporter: Exporter, metrics: Pick<Metrics, "spans">) {
    this.#exporter = exporter;
    this.#metrics = metrics;
  }

  /** Takes a place for a span that is about to end. False: there is none. */
  tryTake(): boolean {
    if (this.#waiting >= limits.spansWaitingMax) {
      this.#metrics.spans.inc(1, { result: "dropped" });
      return false;
    }
    this.#waiting++;
    return true;
  }

  export(...[spans, onDone]: Parameters<Exporter["export"]>): void {
    this.#exporter.export(spans, (result) => {
      this.#waiting -= spans.length;
      this.#metrics.spans.inc(spans.length, { result: result.code === 0 ? "sent" : "failed" });
      onDone(result);
    });
  }

  shutdown(): Promise<void> {
    return this.#exporter.shutdown();
  }
}
