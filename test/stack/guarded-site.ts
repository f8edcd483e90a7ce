/**
 * A stack as in production: operators approve, signatures are required. Two gateways, a worker, and what an operator or a
 * phone with a key does there.
 */
import { Redis } from "ioredis";
import { expect, vi } from "vitest";
import { keysFor } from "#common/contract/keys.ts";
import type { ApprovalStatus } from "#common/ports/approvals.ts";
import { type Secret, sign } from "#scripts/phone/signature.ts";
import type { Pod } from "#scripts/stack/pod.ts";
import type { Stack } from "#scripts/stack/stack.ts";
import { topology } from "#test/fixtures/balances.ts";
import { logLinesOf } from "#test/fixtures/log-lines.ts";
import { ask } from "#test/fixtures/mariadb.ts";
import { KEY_PREFIX } from "#test/fixtures/own-stack.ts";
import { patience, RawPhone } from "#test/fixtures/raw-phone.ts";
import { stackOfFile } from "#test/fixtures/stack.ts";
import { metricOf } from "./site.ts";

export const present: Secret = { key: "acceptance-present", salt: "salt-one" };
export const next: Secret = { key: "acceptance-next", salt: "salt-two" };
export const CHANNEL = "1001";

/** The bot `warned` need not sign, the phones of `fenced` come from elsewhere. */
const keys = [present, next];
const hmacKeys = { "*": keys, warned: { keys, require: false }, fenced: { keys, allow: ["10.0.0.0/8"] } };
const env = { MOA_APPROVAL: "operator", MOA_HMAC: "require", MOA_HMAC_KEYS: JSON.stringify(hmacKeys) };

type World = Awaited<ReturnType<typeof stackOfFile>>;

export class GuardedSite {
  readonly stack: Stack;
  readonly gateways: readonly Pod[];
  readonly #world: World;
  readonly #redis: Redis;

  private constructor(world: World) {
    this.#world = world;
    this.stack = world.stack;
    this.gateways = world.stack.gateways;
    this.#redis = new Redis(world.stack.redisUrl).on("error", () => {}); // a test may take it away
  }

  static async open(): Promise<GuardedSite> {
    return new GuardedSite(await stackOfFile({ gateways: 2, workers: 1, env }));
  }

  async remove(): Promise<void> {
    this.#redis.disconnect();
    await this.#world.remove();
  }

  /** Of the first gateway. */
  get port(): number {
    return this.gateways[0]?.ports.bridge as number;
  }

  get log(): readonly Readonly<Record<string, unknown>>[] {
    return this.gateways.flatMap(({ child }) => logLinesOf(this.#world.dir, child.name));
  }

  /** How much a series rises from now on. */
  async risen(name: string, label = ""): Promise<() => Promise<number>> {
    const before = await metricOf(this.gateways, name, label);
    return async () => (await metricOf(this.gateways, name, label)) - before;
  }

  sql(text: string, values: unknown[]): Promise<Record<string, unknown>[]> {
    return ask(this.stack.mysqlUrl, text, values);
  }

  /** Device and room, as an operator would have approved them long ago. Gives the bot. */
  async approved(bot: string, device = usualDevice(bot)): Promise<string> {
    await this.sql("INSERT INTO kb_bot_devices (bot_name, device_id, status) VALUES (?, ?, 'approved')", [bot, device]);
    await this.roomApproved(bot, device);
    return bot;
  }

  async roomApproved(bot: string, device: string): Promise<void> {
    const columns = "(room_id, room_name, bot_name, device_id, status)";
    await this.sql(`INSERT INTO kb_rooms ${columns} VALUES (?, '테스트방', ?, ?, 'approved')`, [CHANNEL, bot, device]);
  }

  /** What an operator's command does: MySQL, then the announcement. */
  async change(bot: string, device: string, status: ApprovalStatus): Promise<void> {
    await this.sql("UPDATE kb_bot_devices SET status = ? WHERE bot_name = ? AND device_id = ?", [status, bot, device]);
    const { changes } = keysFor(topology, KEY_PREFIX);
    await this.#redis.xadd(changes, "*", "c", JSON.stringify({ kind: "device", bot, device, status }));
  }

  /** A connection of the bot became its writer for the n-th time. */
  async untilWriter(bot: string, times = 1): Promise<void> {
    const found = () => this.log.filter((line) => line.msg === "writer.taken" && line.bot === bot);
    await vi.waitFor(() => expect(found()).toHaveLength(times), patience);
  }

  /** An approved bot's phone that has signed, and writes for it. */
  async admitted(bot: string, device = usualDevice(bot)): Promise<RawPhone> {
    const phone = await RawPhone.identified(this.port, bot, device);
    prove(phone, authOf(bot, device));
    phone.echoPings({ auth: authOf(bot, device) });
    await this.untilWriter(bot);
    return phone;
  }

  /** What the chat log has of the bot, in order; `ours`: 1 for its answers. */
  rowsOf(bot: string): Promise<Record<string, unknown>[]> {
    return this.sql("SELECT message, is_our_bot_response AS ours FROM kb_chat_logs WHERE bot_name = ? ORDER BY id", [
      bot,
    ]);
  }
}

/** Of a raw phone that was not told another. */
export function usualDevice(bot: string): string {
  return `device of ${bot}`;
}

interface Signer {
  readonly secret?: Secret;
  readonly timestamp?: number;
  /** Put in after signing: it is not covered. */
  readonly deviceID?: string;
}

export function authOf(bot: string, device = usualDevice(bot), signer: Signer = {}): object {
  const { secret = present, timestamp = Date.now(), deviceID = device } = signer;
  const address = { macAddress: "02:00:00:00:00:00", ipAddress: "192.168.1.100" };
  const signed = { clientType: "MessengerBotR", botName: bot, deviceUUID: device, ...address, timestamp };
  return { ...signed, deviceID, version: "3.1.4", signature: sign(secret, signed) };
}

/** A signed frame that says nothing: the answer to no ping of ours. */
export function prove(phone: RawPhone, auth: object): void {
  phone.send({ event: "pong", data: { auth } });
}

/** @param who bot, and its device unless it is its usual one */
export async function isAnswered(
  phone: RawPhone,
  who: string | readonly [string, string],
  text: string,
): Promise<void> {
  const [bot, device] = typeof who === "string" ? [who] : who;
  phone.say(`# echo ${text}`, { auth: authOf(bot, device) });
  await phone.until(() => phone.shown.includes(`에코: ${text}`), "the answer");
}

export function eventsOf(phone: RawPhone): ReadonlySet<string> {
  return new Set(phone.frames.map(({ event }) => event));
}
