/**
 * On the bot's `meta` hash, beside its outbox's counters: `tenure` (epoch) and `tid` of the present reign or, when `pod`
 * is missing, of the last one; `conn`, `dev`, `taken` (ms) of who holds; `doubt`, `end`, `paused`. Kept, like the rest of
 * it, when the bot is idle: its epoch is what tells a late holder.
 */
import type { Evidence } from "#common/contract/evidence.ts";
import type { BotName, ConnectionId } from "#common/contract/ids.ts";
import type { Keys } from "#common/contract/keys.ts";
import { limits } from "#common/contract/limits.ts";
import type { Random } from "#common/kernel/random.ts";
import type {
  BotWriters,
  Candidate,
  Enrolment,
  Over,
  ReignEnd,
  Seen,
  Taken,
  Tenure,
  WriterDirectory,
  WriterRequest,
} from "#common/ports/writer-directory.ts";
import { payloadOf } from "../channel-payload.ts";
import type { Connection } from "./connection.ts";
import type { Scripts } from "./scripts.ts";

export interface WriterDirectoryOptions {
  readonly commands: Connection;
  readonly scripts: Scripts;
  readonly keys: Keys;
  readonly random: Random;
}

type Granted = [
  granted: 1,
  epoch: string,
  id: string,
  generation: string,
  first: number,
  next: number,
  doubtBelow: number,
  end: string,
  paused: number,
];
type TenureReply = [epoch: string, id: string, member: string, connection: string];

export class RedisWriterDirectory implements WriterDirectory {
  readonly #options: WriterDirectoryOptions;

  constructor(options: WriterDirectoryOptions) {
    this.#options = options;
  }

  async enrol({ bot, member, connection, device, since }: Candidate): Promise<Enrolment> {
    const { commands, scripts, keys } = this.#options;
    const told = payloadOf({ kind: "enrolled", connection, device, since });
    const [outdated, ...holder] = (await commands.run(
      scripts["writer-enrol"],
      [keys.outboxMeta(bot), keys.candidates(bot), keys.channel(bot)],
      [connection, device, since, `${since}\t${member}\t${device}`, told, limits.candidatesPerBotMax],
    )) as [number, ...(TenureReply | [])];
    return { holder: holder.length === 0 ? null : tenureOf(holder), outdated: outdated === 1 };
  }

  async withdraw(bot: BotName, connection: ConnectionId): Promise<void> {
    const { commands, keys } = this.#options;
    await commands.call("withdraw", (redis) => redis.hdel(keys.candidates(bot), connection));
  }

  async take(candidate: Candidate, over: Over | null, seen: Seen): Promise<Taken | { readonly holder: Tenure }> {
    const { commands, scripts, keys, random } = this.#options;
    const { bot, member, connection, device } = candidate;
    const end = over?.end ? endText(over.epoch, over.end) : "";
    const reply = (await commands.run(
      scripts["writer-take"],
      [keys.outboxMeta(bot), keys.outbox(bot), keys.channel(bot)],
      [
        ...[member, connection, device, random.hex(6), random.hex(6), seen.epoch, limits.unconfirmedActionsMax],
        ...[over?.epoch ?? "", over?.id ?? "", end, over?.end?.doubtBelow ?? "", Number(seen.lost)],
      ],
    )) as Granted | [0, ...TenureReply];
    if (reply[0] === 0) return { holder: tenureOf(reply.slice(1) as TenureReply) };
    const [, epoch, id, generation, first, next, doubtBelow, ended, paused] = reply;
    const tenure = { epoch: Number(epoch), id, member, connection };
    return { ...tenure, generation, first, next, doubtBelow, former: endOf(ended), paused: paused === 1 };
  }

  async end(bot: BotName, { epoch, id }: Pick<Tenure, "epoch" | "id">, end: ReignEnd): Promise<boolean> {
    const { commands, scripts, keys } = this.#options;
    const names = [keys.outboxMeta(bot), keys.channel(bot)];
    return (await commands.run(scripts["writer-end"], names, [epoch, id, endText(epoch, end), end.doubtBelow])) === 1;
  }

  async look(bot: BotName): Promise<BotWriters> {
    const { commands, keys } = this.#options;
    const [state, candidates, held] = await commands.call("look", (redis) =>
      Promise.all([
        redis.hgetall(keys.outboxMeta(bot)),
        redis.hgetall(keys.candidates(bot)),
        redis.hlen(keys.held(bot)),
      ]),
    );
    const { tenure: epoch = "", tid = "", pod, conn = "", dev = "", taken } = state;
    return {
      holder:
        pod === undefined ? null : { ...tenureOf([epoch, tid, pod, conn]), device: dev, takenAt: Number(taken ?? 0) },
      candidates: Object.entries(candidates).map(([connection, text]) => candidateOf(bot, connection, text)),
      paused: state.paused !== undefined,
      waiting: Number(state.next ?? 1) - Number(state.first ?? 1),
      held,
      former: endOf(state.end ?? ""),
    };
  }

  async ask(bot: BotName, request: WriterRequest): Promise<void> {
    const { commands, scripts, keys } = this.#options;
    const pause = request.kind === "paused" ? Number(request.paused) : "";
    const names = [keys.outboxMeta(bot), keys.channel(bot)];
    await commands.run(scripts["writer-ask"], names, [payloadOf({ kind: "asked", request }), pause]);
  }
}

function tenureOf([epoch, id, member, connection]: TenureReply): Tenure {
  return { epoch: Number(epoch), id, member, connection };
}

function candidateOf(bot: BotName, connection: ConnectionId, text: string): Candidate {
  const [since, member = "", ...device] = text.split("\t");
  return { bot, member, connection, device: device.join("\t"), since: Number(since) };
}

function endText(epoch: number, { reason, provenAt, declaredAt, doubtBelow }: ReignEnd): string {
  return [epoch, reason, provenAt, declaredAt, doubtBelow].join(" ");
}

function endOf(text: string): BotWriters["former"] {
  if (text === "") return null;
  const [epoch, reason, provenAt, declaredAt, doubtBelow] = text.split(" ");
  return {
    epoch: Number(epoch),
    reason: reason as Evidence,
    provenAt: Number(provenAt),
    declaredAt: Number(declaredAt),
    doubtBelow: Number(doubtBelow),
  };
}
