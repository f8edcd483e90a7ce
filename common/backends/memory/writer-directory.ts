/** The twin of the writer directory: the same laws as the scripts writer-* of ../redis/lua. */
import type { BotName, ConnectionId } from "#common/contract/ids.ts";
import { limits } from "#common/contract/limits.ts";
import type {
  BotWriters,
  Candidate,
  Enrolment,
  Over,
  ReignEnd,
  Seen,
  Taken,
  Tenure,
  Told,
  WriterDirectory,
  WriterRequest,
} from "#common/ports/writer-directory.ts";
import { payloadOf } from "../channel-payload.ts";
import type { BotRecord, BotRecords } from "./bot-records.ts";

export class MemoryWriterDirectory implements WriterDirectory {
  readonly #records: BotRecords;

  constructor(records: BotRecords) {
    this.#records = records;
  }

  async enrol(candidate: Candidate): Promise<Enrolment> {
    const { bot, connection, device, since } = candidate;
    const record = this.#records.of(bot);
    const others = [...record.candidates.values()].filter((one) => one.connection !== connection);
    const ofDevice = others.filter((one) => one.device === device);
    const holder = tenureOf(record);
    if (ofDevice.some((one) => isLater(one, candidate))) return { holder, outdated: true };
    for (const one of ofDevice) record.candidates.delete(one.connection);
    record.candidates.set(connection, candidate);
    if (record.candidates.size > limits.candidatesPerBotMax) {
      const [oldest] = others.sort((a, b) => a.since - b.since);
      record.candidates.delete((oldest as Candidate).connection);
    }
    this.#tell(bot, { kind: "enrolled", connection, device, since });
    return { holder, outdated: false };
  }

  async withdraw(bot: BotName, connection: ConnectionId): Promise<void> {
    this.#records.of(bot).candidates.delete(connection);
  }

  async take(candidate: Candidate, over: Over | null, seen: Seen): Promise<Taken | { readonly holder: Tenure }> {
    const { bot, member, connection } = candidate;
    const record = this.#records.of(bot);
    const holder = tenureOf(record);
    const isOver = holder !== null && isOf(record, over);
    const isBack = holder !== null && holder.epoch < seen.epoch;
    const isRepeat = !isOver && !isBack && holder?.member === member && holder.connection === connection;
    if (holder && !isOver && !isRepeat) return { holder };
    if (seen.lost) record.generation = "";
    this.#records.open(record);
    if (isOver) this.#end(record, over?.end ?? null);
    record.doubtBelow = Math.max(record.first, Math.min(record.next, record.doubtBelow));
    if (!isRepeat) this.#crown(record, candidate, seen.epoch);
    const { epoch, tenureId: id, generation, first, next, doubtBelow, former, paused } = record;
    return { epoch, id, member, connection, generation, first, next, doubtBelow, former, paused };
  }

  async end(bot: BotName, tenure: Pick<Tenure, "epoch" | "id">, end: ReignEnd): Promise<boolean> {
    const record = this.#records.of(bot);
    if (!isOf(record, tenure)) return false;
    if (record.writer === null) return true;
    this.#end(record, end);
    record.doubtBelow = Math.min(record.next, record.doubtBelow);
    this.#tell(bot, { kind: "vacant", epoch: tenure.epoch });
    return true;
  }

  async look(bot: BotName): Promise<BotWriters> {
    const record = this.#records.of(bot);
    const { epoch, tenureId: id, writer, paused, candidates, next, first, held, former } = record;
    return {
      holder: writer && { epoch, id, ...writer },
      candidates: [...candidates.values()],
      paused,
      waiting: next - first,
      held: held.size,
      former,
    };
  }

  async ask(bot: BotName, request: WriterRequest): Promise<void> {
    if (request.kind === "paused") this.#records.of(bot).paused = request.paused;
    this.#tell(bot, { kind: "asked", request });
  }

  /** @param end null: its pod died */
  #end(record: BotRecord, end: ReignEnd | null): void {
    const { doubtBelow } = end ?? { doubtBelow: record.first + limits.unconfirmedActionsMax };
    record.doubtBelow = Math.max(record.doubtBelow, doubtBelow);
    record.former = end && { ...end, epoch: record.epoch };
    record.writer = null;
  }

  #crown(record: BotRecord, { bot, member, connection, device }: Candidate, atLeast: number): void {
    const nowMs = this.#records.clock.nowMs();
    record.epoch = Math.max(record.epoch, atLeast, nowMs) + 1;
    record.tenureId = this.#records.random.hex(6);
    record.writer = { member, connection, device, takenAt: nowMs };
    this.#tell(bot, { kind: "taken", epoch: record.epoch, connection });
  }

  #tell(bot: BotName, told: Told): void {
    this.#records.hub.publish(bot, payloadOf(told));
  }
}

function tenureOf({ epoch, tenureId: id, writer }: BotRecord): Tenure | null {
  return writer && { epoch, id, member: writer.member, connection: writer.connection };
}

function isOf({ epoch, tenureId }: BotRecord, tenure: Pick<Tenure, "epoch" | "id"> | null): boolean {
  return tenure?.epoch === epoch && tenure.id === tenureId;
}

function isLater(one: Candidate, other: Candidate): boolean {
  return one.since > other.since || (one.since === other.since && one.connection > other.connection);
}
