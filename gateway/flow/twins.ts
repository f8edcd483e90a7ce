/**
 * A phone hears each line by up to two of its APIs: one knows the log id, the other does not. Their frames share room
 * name, sender and text and come within two seconds. The later one of such a pair is a twin. Two lines that both have a
 * log id, or both none, are never twins: people do repeat themselves. Each line is the twin of at most one other.
 */
import { limits } from "#common/contract/limits.ts";
import type { ChatLine } from "#gateway/platforms/platform.ts";

interface Seen {
  readonly digest: number;
  readonly atMs: number;
}

/** The recent lines of one connection, as digests: the lines themselves would stay in memory while it is idle. */
export class Twins {
  #withLogId: Seen[] = [];
  #withoutLogId: Seen[] = [];

  /** True when the line is the twin of an earlier one, which is used up by it; otherwise the line is remembered. */
  isTwin(line: ChatLine, atMs: number): boolean {
    const [own, others] =
      line.logId === null ? [this.#withoutLogId, this.#withLogId] : [this.#withLogId, this.#withoutLogId];
    const digest = digestOf(line);
    forget(others, atMs);
    // Most phones speak by one API only.
    const at = others.length === 0 ? -1 : others.findIndex((seen) => seen.digest === digest);
    if (at >= 0) {
      others.splice(at, 1);
      return true;
    }
    own.push({ digest, atMs });
    forget(own, atMs);
    return false;
  }
}

function forget(seen: Seen[], nowMs: number): void {
  let old = Math.max(0, seen.length - limits.twinsPerConnectionMax);
  while (old < seen.length && nowMs - (seen[old] as Seen).atMs > limits.twinMsMax) old++;
  if (old > 0) seen.splice(0, old);
}

/** 53 bits: two FNV-1a of different start, over UTF-16 units. */
function digestOf({ room, sender, text }: ChatLine): number {
  let low = 0x811c9dc5;
  let high = 0x9747b28c;
  for (const part of [room, sender, text]) {
    for (let i = 0; i < part.length; i++) {
      const unit = part.charCodeAt(i);
      low = Math.imul(low ^ unit, 0x01000193);
      high = Math.imul(high ^ unit, 0x01000193);
    }
    // Ends the part: no text contains this.
    low = Math.imul(low ^ 0x10000, 0x01000193);
    high = Math.imul(high ^ 0x10000, 0x01000193) + 1;
  }
  return (high >>> 11) * 0x1_0000_0000 + (low >>> 0);
}
