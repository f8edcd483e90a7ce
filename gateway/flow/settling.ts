/**
 * What an action still asks for when it needs no more showing: its receipt in its room's lane, or a place before an
 * operator. Neither holds up what comes after it on the wire; only the recording waits.
 */
import type { OutboundAction, ReceiptEvent, ReceiptState } from "#common/contract/envelope.ts";
import { eventIdOfLog } from "#common/contract/ids.ts";
import { backoffMs } from "#common/kernel/backoff.ts";
import { type Clock, pause } from "#common/kernel/clock.ts";
import type { Random } from "#common/kernel/random.ts";
import type { Log } from "#common/observe/logger.ts";
import type { Metrics } from "#common/observe/metrics.ts";
import type { HeldActions } from "#common/ports/held-actions.ts";
import type { ActionInHand } from "./actions-in-hand.ts";
import type { Showing } from "./showing.ts";

export interface SettlingOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly metrics: Pick<Metrics, "actionsDelivered" | "ambiguousActions">;
  readonly log: Log;
  readonly held: Pick<HeldActions, "hold">;
  appendReceipt(event: ReceiptEvent): Promise<void>;
}

type Pass = Omit<Extract<Showing, { kind: "pass" }>, "kind">;
const HELD: Pass = { result: "held", receipt: "held" };
const GIVEN_UP: Pass = { result: "expired", receipt: "expired" };

export class Settling {
  readonly #options: SettlingOptions;
  readonly #onSettled: () => void;
  #isEnded = false;
  #underWay = 0;

  constructor(options: SettlingOptions, onSettled: () => void) {
    this.#options = options;
    this.#onSettled = onSettled;
  }

  get underWay(): number {
    return this.#underWay;
  }

  end(): void {
    this.#isEnded = true;
  }

  /** It is finished now, or, when it asked for a receipt, once that is appended. */
  settle(one: ActionInHand, state: ReceiptState): void {
    one.state = "finished";
    if (one.action?.receipt) void this.#giveReceipt(one, one.action, state);
  }

  pass(one: ActionInHand, { result, receipt }: Pass): void {
    const { metrics } = this.#options;
    metrics.actionsDelivered.inc(1, { result });
    if (result === "dropped") metrics.ambiguousActions.inc(1, { class: "drop" });
    if (result === "held") metrics.ambiguousActions.inc(1, { class: "hold" });
    this.settle(one, receipt);
  }

  /** Tried until it is held, or this ends. */
  async hold(one: ActionInHand, action: OutboundAction): Promise<void> {
    const { held, clock, random, log } = this.#options;
    const { bot, id } = action;
    const heldAction = { bot, id, heldAt: clock.nowMs(), action: one.encoded };
    one.state = "settling";
    this.#underWay++;
    for (let attempt = 0; !this.#isEnded && one.state === "settling"; attempt++) {
      try {
        const outcome = await held.hold(heldAction);
        if (outcome === "full") log.error({ bot, action: id }, "too many actions are held: one is given up");
        this.pass(one, outcome === "held" ? HELD : GIVEN_UP);
        break;
      } catch (error) {
        log.warn({ bot, action: id, err: error }, "an action in doubt was not put before an operator yet");
        await pause(clock, backoffMs(attempt, random));
      }
    }
    this.#underWay--;
    this.#onSettled();
  }

  async #giveReceipt(one: ActionInHand, action: OutboundAction, state: ReceiptState): Promise<void> {
    const { clock, log, appendReceipt } = this.#options;
    one.state = "settling";
    this.#underWay++;
    try {
      await appendReceipt(receiptOf(action, state, clock.nowMs()));
      one.state = "finished";
    } catch (error) {
      const { bot, id } = action;
      log.warn({ bot, action: id, err: error }, "a receipt was not appended; the action stays in the outbox");
    }
    this.#underWay--;
    this.#onSettled();
  }
}

/** A repeat of the same receipt has the same id. */
function receiptOf(action: OutboundAction, state: ReceiptState, receivedAt: number): ReceiptEvent {
  const { bot, channel, id, trace } = action;
  return {
    v: 1,
    kind: "receipt",
    // No log id of a network looks like this.
    id: eventIdOfLog(bot, channel, `receipt:${id}:${state}`),
    bot,
    channel,
    action: id,
    state,
    receivedAt,
    ...(trace === undefined ? {} : { trace }),
  };
}
