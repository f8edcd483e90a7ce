/** What pods say of their writers, read from their log files as they grow: writer.taken, writer.ended, writer.failover. */
import { closeSync, openSync, readSync, statSync } from "node:fs";
import type { FailoverSaid, History, TenureSaid } from "./history.ts";

const LOOK_EVERY_MS = 250;
const CHUNK_BYTES = 256 * 1024;

type Fields = Readonly<Record<string, unknown>>;

/** What one line of a pod's log says of writers; null when nothing. */
export function writerSaid(line: string): TenureSaid | FailoverSaid | null {
  if (!line.includes('"writer.')) return null;
  let fields: Fields;
  try {
    fields = JSON.parse(line) as Fields;
  } catch {
    return null;
  }
  const event = fields.msg;
  const of = {
    at: typeof fields.at === "number" ? fields.at : Date.parse(String(fields.time)),
    pod: String(fields.pod),
    bot: String(fields.bot),
    reason: String(fields.reason ?? ""),
  };
  if (event === "writer.taken") return { kind: "taken", ...of, epoch: Number(fields.epoch) };
  if (event === "writer.ended") return { kind: "ended", ...of, epoch: Number(fields.epoch) };
  if (event !== "writer.failover") return null;
  const time = (name: string) => (typeof fields[name] === "number" ? fields[name] : Number.NaN);
  const times = [time("t0"), time("t1"), time("t2"), time("t3"), time("t4")] as const;
  return {
    kind: "failover",
    ...of,
    times,
    isBusy: Number(fields.inDoubt) > 0,
    stoodBy: fields.result !== "no_candidate",
  };
}

/** Until the function is called that it gives, which reads what is left. */
export function followLog(file: string, history: History): () => void {
  let offset = 0;
  let rest = "";
  const read = () => {
    const size = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
    // The file is emptied when it is full (scripts/stack/log-file.ts).
    if (size < offset) offset = 0;
    while (offset < size) {
      const chunk = Buffer.alloc(Math.min(CHUNK_BYTES, size - offset));
      const handle = openSync(file, "r");
      offset += readSync(handle, chunk, 0, chunk.length, offset);
      closeSync(handle);
      const lines = (rest + chunk.toString("latin1")).split("\n");
      rest = lines.pop() as string;
      for (const said of lines.map(writerSaid)) if (said !== null) history.add(said);
    }
  };
  const timer = setInterval(read, LOOK_EVERY_MS);
  return () => {
    clearInterval(timer);
    read();
  };
}
