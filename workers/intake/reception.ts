/**
 * The reading of a lane entry, as traces show it: one span with a link to the append of each of its lines that is sampled,
 * and each of those turns links back to it. Nothing is made for an entry without any.
 */
import type { Lane } from "#common/contract/ids.ts";
import { SPAN_KEYS } from "#common/observe/span-catalogue.ts";
import type { LaneEntry } from "#common/ports/lane-log.ts";
import type { Tools } from "#workers/pipeline/work.ts";

export interface ReceivedEntry extends LaneEntry {
  /** Of its span. */
  readonly trace?: string;
}

/** As the codec writes it. In a text of the line the quotes would be escaped. */
const TRACE = '"trace":"';
const TRACEPARENT_CHARS = 55;

export function received(
  { tracing, clock }: Pick<Tools, "tracing" | "clock">,
  lane: Lane,
  entry: LaneEntry,
): ReceivedEntry {
  const links: string[] = [];
  for (const text of entry.events) {
    const at = text.indexOf(TRACE);
    if (at !== -1) links.push(text.slice(at + TRACE.length, at + TRACE.length + TRACEPARENT_CHARS));
  }
  if (links.length === 0) return entry;
  const at = clock.nowMs();
  const attributes = { [SPAN_KEYS.lane]: `${lane}`, [SPAN_KEYS.lines]: entry.events.length };
  const span = tracing.root("laneRead", { at, attributes, links });
  span?.end(at);
  return span === undefined ? entry : { ...entry, trace: span.trace };
}
