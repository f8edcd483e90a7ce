/**
 * Whether two connections wrote for one bot at once. Judged twice: from what phones received (under which epoch, and when
 * the gateway began the write) and from what the pods say of their tenures.
 */
import type { FaultMade, Shown, TenureSaid } from "../history.ts";

/** While the site was struck a pod that had lost its life says late that it ended; the frames tell whether it wrote. */
const SAID_LATE_MS = 15_000;
/** A pod writes no more, ends its tenure in the directory, and says so when that has answered: others are told before. */
const TOLD_MS_MAX = 1_000;

export function overlapsInFrames(shown: readonly Shown[], botOf: (phone: number) => string): string[] {
  const marked = shown.filter(({ epoch, writtenAt }) => epoch !== null && writtenAt !== null);
  return [...Map.groupBy(marked, ({ phone }) => botOf(phone))].flatMap(([bot, frames]) => framesOf(bot, frames));
}

function framesOf(bot: string, frames: readonly Shown[]): string[] {
  const faults: string[] = [];
  const firstWrite = new Map<number, number>();
  const connections = new Map<number, string>();
  for (const { epoch, writtenAt, phone, connection } of frames) {
    const [number, at, where] = [epoch as number, writtenAt as number, `${phone}/${connection}`];
    firstWrite.set(number, Math.min(firstWrite.get(number) ?? at, at));
    const other = connections.get(number) ?? where;
    if (other !== where) faults.push(`${bot}: epoch ${number} was written on connections ${other} and ${where}`);
    connections.set(number, other);
  }
  for (const { epoch, writtenAt } of frames) {
    const newer = [...firstWrite].find(([number, at]) => number > (epoch as number) && at < (writtenAt as number));
    if (newer)
      faults.push(`${bot}: epoch ${epoch} wrote ${(writtenAt as number) - newer[1]} ms after epoch ${newer[0]}`);
  }
  return faults;
}

export function overlapsInTenures(said: readonly TenureSaid[], faults: readonly FaultMade[]): string[] {
  const struck = faults.filter(({ bot }) => bot === undefined);
  const isLate = (at: number) => struck.some((fault) => at >= fault.at && at <= fault.endedAt + SAID_LATE_MS);
  return [...Map.groupBy(said, ({ bot }) => bot)].flatMap(([bot, all]) => tenuresOf(bot, all, isLate));
}

function tenuresOf(bot: string, said: readonly TenureSaid[], isLate: (at: number) => boolean): string[] {
  const faults: string[] = [];
  const taken = said.filter(({ kind }) => kind === "taken").toSorted((a, b) => a.epoch - b.epoch);
  for (const [i, { epoch, at }] of taken.entries()) {
    const before = taken[i - 1];
    if (before === undefined) continue;
    if (before.epoch === epoch) faults.push(`${bot}: epoch ${epoch} was taken twice`);
    const end = said.find((one) => one.kind === "ended" && one.epoch === before.epoch);
    if (end && end.at > at + TOLD_MS_MAX && !isLate(at))
      faults.push(`${bot}: epoch ${before.epoch} ended ${end.at - at} ms after epoch ${epoch} was taken`);
  }
  return faults;
}
