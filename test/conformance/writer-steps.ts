/** Steps on a writer directory that tests of several files take. */
import type { Backends } from "#common/backends/backends.ts";
import type { ConnectionId, MemberId } from "#common/contract/ids.ts";
import { assert } from "#common/kernel/assert.ts";
import type { Candidate, Over, ReignEnd, Seen, Taken, Told, WriterDirectory } from "#common/ports/writer-directory.ts";
import { recorder } from "./heard.ts";
import type { Rig } from "./on-every-backend.ts";

/** Of who has seen nothing yet. */
export const UNSEEN: Seen = { epoch: 0, lost: false };

/** A candidate of the bot "bot", of a device of its own, unless told otherwise. */
export function candidate(connection: ConnectionId, member: MemberId, more: Partial<Candidate> = {}): Candidate {
  return { bot: "bot", member, connection, device: `device of ${connection}`, since: 1_000, ...more };
}

/** Takes, and fails where another holds. */
export async function granted(
  writers: WriterDirectory,
  who: Candidate,
  { over = null, atLeast = 0, lost = false }: { over?: Over | null; atLeast?: number; lost?: boolean } = {},
): Promise<Taken> {
  const taken = await writers.take(who, over, { epoch: atLeast, lost });
  assert("epoch" in taken, "the take is granted");
  return taken;
}

/** The end of a reign that left doubt below that sequence. */
export function ending(doubtBelow: number): ReignEnd {
  return { reason: "barrier_timeout", provenAt: 1_000, declaredAt: 2_000, doubtBelow };
}

/** A pod, and all that the channel of the bot "bot" tells it from here on. */
export async function listening(rig: Rig): Promise<{ pod: Backends; told: readonly Told[] }> {
  const pod = await rig.pod();
  const { heard, listener } = recorder();
  await pod.channel.subscribe("bot", listener);
  return { pod, told: heard.told };
}
