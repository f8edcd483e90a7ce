/**
 * The rules of automatic replies as this pod knows them, and operators' way to change them; MySQL is the truth.
 *
 *   every 500 ms   a change was announced, or changes were missed  ──> all rules are read again, a page after another
 *   every minute   whatever was said: an announcement may be lost  ──>
 *
 * All of them rather than a room's when it talks: rooms with rules are few, and to know of the others that they have none
 * would cost a call each. While MySQL is away the rules known last go on. What nobody could have added here, a trigger
 * that cannot be read or a rule beyond a limit, is left out and said.
 */
import type { BotName, ChannelId } from "#common/contract/ids.ts";
import { limits } from "#common/contract/limits.ts";
import { type Clock, pause } from "#common/kernel/clock.ts";
import { MoaError } from "#common/kernel/errors.ts";
import type { Part } from "#common/kernel/lifecycle.ts";
import type { AdminRoutes } from "#common/observe/admin-door.ts";
import { limitOf, optional, required, wholeNumber } from "#common/observe/admin-fields.ts";
import type { Log } from "#common/observe/logger.ts";
import type { Actor } from "#common/ports/administration.ts";
import type { ApprovalChanges } from "#common/ports/approvals.ts";
import type { AutoReply, Trigger } from "./domain/auto-reply.ts";
import type { Command } from "./domain/command.ts";
import { findCommand } from "./domain/parse.ts";
import { compileTrigger } from "./trigger.ts";

/** A rule of automatic replies as operators know it. */
export interface AutoReplyRow {
  readonly id: number;
  readonly bot: string;
  readonly channel: string;
  /** Of a room's rules the lowest comes first, then the oldest. */
  readonly place: number;
  readonly pattern: string;
  readonly reply: string;
  readonly command: string | null;
}

/** Changes are put on the operators' record in their own transaction. */
export interface AutoReplyStore {
  /** By id, those beyond the one given. */
  page(afterId: number, limit: number): Promise<readonly AutoReplyRow[]>;
  /** Room by room, in their order. */
  list(bot: string | null, limit: number): Promise<readonly AutoReplyRow[]>;
  /** @returns its id; null: the room has `autoRepliesPerRoomMax` */
  add(rule: Omit<AutoReplyRow, "id">, by: Actor): Promise<number | null>;
  /** null: there is none (any more). */
  remove(id: number, by: Actor): Promise<AutoReplyRow | null>;
}

export interface AutoRepliesOptions {
  readonly store: AutoReplyStore;
  readonly changes: ApprovalChanges;
  readonly commands: readonly Command[];
  readonly clock: Clock;
  readonly log: Log;
}

/** Where a rule stands that was given no place: between what shall come first and what shall come last. */
const PLACE = 100;
const COMMAND_CHARS_MAX = 255;
const LEFT_OUT_NAMED = 10;

export class AutoReplies implements Part {
  readonly name = "auto replies";
  readonly #options: AutoRepliesOptions;
  readonly #stop = new AbortController();
  #loop: Promise<void> = Promise.resolve();
  #byBot: ReadonlyMap<BotName, ReadonlyMap<ChannelId, readonly AutoReply[]>> = new Map();
  /** Of the rules known: read once, however often the rules are. */
  #triggers: ReadonlyMap<string, Trigger> = new Map();
  #version = "";
  #loadedMs = 0;

  constructor(options: AutoRepliesOptions) {
    this.#options = options;
  }

  /** In their order; undefined: none. Called for every line. */
  of(bot: BotName, channel: ChannelId): readonly AutoReply[] | undefined {
    return this.#byBot.get(bot)?.get(channel);
  }

  /** @throws MoaError redis_unavailable, mysql_unavailable */
  async start(): Promise<void> {
    await this.#listen();
    this.#loop = this.#listenForEver();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#loop;
  }

  readonly routes: AdminRoutes = {
    "GET replies": async ({ query }) => {
      return { replies: await this.#options.store.list(query.get("bot"), limitOf(query)) };
    },
    "POST replies": async ({ body, by }) => {
      const rule = this.#ruleIn(body);
      const id = await this.#options.store.add(rule, by);
      if (id === null) throw new MoaError("asked_wrongly", `a room has at most ${limits.autoRepliesPerRoomMax} rules`);
      return { added: id, announced: await this.#announce() };
    },
    "POST replies/remove": async ({ body, by }) => {
      const id = wholeNumber(body.id, "id");
      if ((await this.#options.store.remove(id, by)) === null) throw new MoaError("not_found", "no such rule");
      return { removed: id, announced: await this.#announce() };
    },
  };

  /** @throws MoaError asked_wrongly */
  #ruleIn(body: Readonly<Record<string, unknown>>): Omit<AutoReplyRow, "id"> {
    const pattern = required(body, "trigger", limits.triggerCharsMax);
    compileTrigger(pattern);
    const reply = optional(body, "reply", limits.autoReplyCharsMax) ?? "";
    const command = optional(body, "command", COMMAND_CHARS_MAX);
    if (reply === "" && command === null) throw new MoaError("asked_wrongly", "name a reply, a command, or both");
    if (command !== null && findCommand(command, this.#options.commands) === undefined) {
      throw new MoaError("asked_wrongly", "no command begins like that");
    }
    const place = body.place === undefined ? PLACE : wholeNumber(body.place, "place");
    const [bot, channel] = [required(body, "bot", 30), required(body, "channel", 100)];
    return { bot, channel, place, pattern, reply, command };
  }

  async #announce(): Promise<boolean> {
    try {
      await this.#options.changes.announce({ kind: "auto-replies" });
      return true;
    } catch (error) {
      this.#options.log.warn({ tag: "ADMIN", err: error }, "a change was made and not announced");
      return false;
    }
  }

  async #listenForEver(): Promise<void> {
    const { clock, log } = this.#options;
    let isDeaf = false;
    for (;;) {
      await pause(clock, limits.approvalChangesEveryMs, this.#stop.signal);
      if (this.#stop.signal.aborted) return;
      try {
        await this.#listen();
        isDeaf = false;
      } catch (error) {
        if (!isDeaf) log.warn({ tag: "SERVER", err: error }, "changes of automatic replies are not heard");
        isDeaf = true;
      }
    }
  }

  /** The version moves when what it stands for is known: what was announced meanwhile is heard next time. */
  async #listen(): Promise<void> {
    const { version, changes } = await this.#options.changes.since(this.#version);
    const isTold = changes === "all" || changes.some(({ kind }) => kind === "auto-replies");
    const isOld = this.#options.clock.monotonicMs() - this.#loadedMs >= limits.autoRepliesAgainMs;
    if (isTold || isOld) await this.#load();
    this.#version = version;
  }

  async #load(): Promise<void> {
    const { store, clock } = this.#options;
    const rows: AutoReplyRow[] = [];
    for (;;) {
      const page = await store.page(rows.at(-1)?.id ?? 0, limits.autoRepliesPerPageMax);
      rows.push(...page);
      if (page.length < limits.autoRepliesPerPageMax || rows.length >= limits.autoRepliesMax) break;
    }
    this.#learn(rows.sort((a, b) => a.place - b.place || a.id - b.id));
    this.#loadedMs = clock.monotonicMs();
  }

  #learn(rows: readonly AutoReplyRow[]): void {
    const triggers = new Map<string, Trigger>();
    const byBot = new Map<BotName, Map<ChannelId, AutoReply[]>>();
    const leftOut: number[] = [];
    for (const { id, bot, channel, pattern, reply, command } of rows) {
      const trigger = triggers.get(pattern) ?? this.#triggers.get(pattern) ?? triggerIn(pattern);
      const rooms = byBot.get(bot) ?? new Map<ChannelId, AutoReply[]>();
      const rules = rooms.get(channel) ?? [];
      if (trigger === null || rules.length >= limits.autoRepliesPerRoomMax) {
        leftOut.push(id);
        continue;
      }
      triggers.set(pattern, trigger);
      byBot.set(bot, rooms.set(channel, [...rules, { trigger, reply, command }]));
    }
    this.#triggers = triggers;
    this.#byBot = byBot;
    if (leftOut.length > 0) {
      const rules = leftOut.slice(0, LEFT_OUT_NAMED);
      this.#options.log.warn({ tag: "DB", leftOut: leftOut.length, rules }, "rules of automatic replies left out");
    }
  }
}

function triggerIn(pattern: string): Trigger | null {
  try {
    return compileTrigger(pattern);
  } catch {
    return null;
  }
}
