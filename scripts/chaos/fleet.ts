/**
 * The bots of a run and their phones. A bot has two devices, on two gateways or on one; some bots have one device, some
 * say nothing. Those that sockets' faults may strike reach each gateway through a proxy of their own.
 */
import { DIALECT_NAMES, type DialectName } from "#scripts/phone/dialects.ts";
import { FaultProxy, type Line } from "./fault-proxy.ts";
import type { History, Shown } from "./history.ts";
import { PhoneHost } from "./phone-host.ts";
import type { PhoneSpec } from "./phone-process.ts";
import { TEXTS_PER_PHONE, type Texts } from "./texts.ts";

/**
 * What a bot is for: crowd is load alone. pair has two devices, alone one, idle two that say nothing, stoppable two of
 * which the first is in a process of its own. spare is a pair for faults of the site.
 */
export type BotSort = "crowd" | "pair" | "alone" | "idle" | "stoppable" | "spare";

export interface BotPhone {
  readonly number: number;
  readonly host: PhoneHost;
  /** By gateway; none for the crowd. */
  readonly proxies: readonly FaultProxy[];
}

export interface Bot {
  readonly name: string;
  readonly sort: BotSort;
  readonly phones: readonly BotPhone[];
}

export interface FleetPlan {
  readonly bridges: readonly number[];
  readonly counts: Readonly<Record<BotSort, number>>;
  /** Over all phones that speak. */
  readonly linesPerS: number;
  readonly run: string;
}

/** A phone that says nothing still speaks when it is told to. */
const IDLE_LINES_PER_S = 1e-9;

export class ChaosFleet {
  readonly bots: Bot[] = [];
  readonly #history: History;
  readonly #texts: Texts;
  readonly #hosts: PhoneHost[] = [];
  readonly #botOf: Bot[] = [];
  readonly #specs = new Map<PhoneHost, PhoneSpec[]>();

  constructor(history: History, texts: Texts) {
    this.#history = history;
    this.#texts = texts;
  }

  /** One more than the highest number that a text can have. */
  get textsMax(): number {
    return this.#botOf.length * TEXTS_PER_PHONE;
  }

  /** By a phone's number. */
  get botOf(): readonly Bot[] {
    return this.#botOf;
  }

  async open(plan: FleetPlan): Promise<void> {
    const sorts = Object.entries(plan.counts) as [BotSort, number][];
    const speaking = sorts.reduce((sum, [sort, n]) => sum + (sort === "idle" ? 0 : sort === "alone" ? n : 2 * n), 0);
    const bulk = this.#host();
    for (const [sort, count] of sorts) {
      for (let i = 0; i < count; i++) {
        await this.#add(plan, {
          sort,
          number: i,
          bulk,
          rate: sort === "idle" ? IDLE_LINES_PER_S : plan.linesPerS / speaking,
        });
      }
    }
    await Promise.all([...this.#specs].map(([host, phones]) => host.open(plan.run, phones)));
  }

  speak(): void {
    for (const host of this.#hosts) host.order({ do: "speak" });
  }

  hush(): void {
    for (const host of this.#hosts) host.order({ do: "hush" });
  }

  say(phone: BotPhone, what: { readonly text?: string; readonly chars?: number } = {}): void {
    phone.host.order({ do: "say", phone: phone.number, ...what });
  }

  /** All phones, or those of one sort of bots, have a connection. */
  isWhole(sort?: BotSort): boolean {
    const bots = sort === undefined ? this.bots : this.bots.filter((bot) => bot.sort === sort);
    return bots.every(({ phones }) => phones.every(({ host, number }) => host.connectionOf(number) !== undefined));
  }

  /** A second phone of the same bot and device, for a duel. */
  async twin(phone: BotPhone, run: string): Promise<BotPhone> {
    const spec = this.#specs.get(phone.host)?.find(({ number }) => number === phone.number) as PhoneSpec;
    const number = this.#botOf.length;
    this.#botOf.push(this.#botOf[phone.number] as Bot);
    const twin = { ...spec, number, linesPerS: IDLE_LINES_PER_S };
    phone.host.order({ do: "open", run, phones: [twin] });
    return { ...phone, number };
  }

  end(phone: BotPhone): void {
    phone.host.order({ do: "close", phone: phone.number });
  }

  /** Whom the bot's actions reach just now: where the last one was shown. */
  async writerOf(bot: Bot, msMax = 20_000): Promise<{ readonly phone: BotPhone; readonly shown: Shown }> {
    if (bot.sort === "idle") this.say(bot.phones[0] as BotPhone);
    const isOurs = (text: number) => this.#botOf[this.#texts.phoneOf(text)] === bot;
    const shown = await this.#history.next(
      `${bot.name} shows something`,
      msMax,
      (one) => one.kind === "shown" && isOurs(one.text),
    );
    if (shown.kind !== "shown") throw new Error("unreachable");
    return { phone: bot.phones.find(({ number }) => number === shown.phone) as BotPhone, shown };
  }

  async close(): Promise<void> {
    await Promise.all(this.#hosts.map((host) => host.end()));
    const proxies = this.bots.flatMap(({ phones }) => phones.flatMap((phone) => phone.proxies));
    await Promise.all(proxies.map((proxy) => proxy.close()));
  }

  #host(): PhoneHost {
    const host = new PhoneHost(this.#history);
    this.#hosts.push(host);
    return host;
  }

  async #add(plan: FleetPlan, of: { sort: BotSort; number: number; bulk: PhoneHost; rate: number }): Promise<void> {
    const { sort, number, bulk, rate } = of;
    const phones: BotPhone[] = [];
    const bot: Bot = { name: `chaos-${sort}-${number}`, sort, phones };
    this.bots.push(bot);
    for (let device = 0; device < (sort === "alone" ? 1 : 2); device++) {
      const host = sort === "stoppable" && device === 0 ? this.#host() : bulk;
      const proxies = sort === "crowd" ? [] : await Promise.all(plan.bridges.map((port) => FaultProxy.listen(port)));
      const phone = { number: this.#botOf.length, host, proxies };
      phones.push(phone);
      this.#botOf.push(bot);
      this.#specs.set(host, [...(this.#specs.get(host) ?? []), specOf(plan, { bot, phone, device, rate, number })]);
    }
  }
}

function specOf(
  { bridges }: FleetPlan,
  of: { bot: Bot; phone: BotPhone; device: number; rate: number; number: number },
): PhoneSpec {
  const { bot, phone, device, rate, number } = of;
  const ports = phone.proxies.length > 0 ? phone.proxies.map(({ port }) => port) : bridges;
  // Of every third bot both devices are on one gateway.
  const first = number + (number % 3 === 0 ? 0 : device);
  return {
    number: phone.number,
    bot: bot.name,
    device: `${bot.name}-device-${device}`,
    dialect: DIALECT_NAMES[number % DIALECT_NAMES.length] as DialectName,
    servers: ports.map((_, i) => ({ host: "127.0.0.1", port: ports[(first + i) % ports.length] as number })),
    linesPerS: rate,
  };
}

/** The phone's open connection through a proxy: the last one. */
export function lineOf({ proxies }: BotPhone): Line {
  const line = proxies.flatMap((proxy) => proxy.lines).findLast(({ isOpen }) => isOpen);
  if (line === undefined) throw new Error("the phone has no connection through a proxy");
  return line;
}
