/** Planted bugs of writers: in the rules themselves where no port stands between them and what they protect. */
import { BotDelivery } from "#gateway/flow/bot-delivery.ts";
import { Recording } from "#gateway/flow/recording.ts";
import { Liveness } from "#gateway/writers/liveness.ts";
import { but } from "./but.ts";
import type { Plant } from "./plant.ts";

type Next = Liveness["next"];
type Echoed = Liveness["echoed"];

/** Puts a method in the place of the product's own; the answer puts that back. */
function replaced<Prototype extends object>(prototype: Prototype, name: keyof Prototype, by: PropertyDescriptor) {
  const own = Object.getOwnPropertyDescriptor(prototype, name) as PropertyDescriptor;
  Object.defineProperty(prototype, name, { ...own, ...by });
  return () => Object.defineProperty(prototype, name, own);
}

/** Liveness with other tokens: those that it makes as they are sent, and those that come back as it takes them. */
function tokens(sent: (token: string) => string, back: (token: string, last: string) => string): () => void {
  const last = new WeakMap<Liveness, string>();
  const { next, echoed } = Liveness.prototype;
  const nextBy = function (this: Liveness, ...call: Parameters<Next>): ReturnType<Next> {
    const found = next.apply(this, call);
    if (found.kind !== "ping") return found;
    last.set(this, found.token);
    return { ...found, token: sent(found.token) };
  };
  const echoedBy = function (this: Liveness, token: string, nowMs: number): ReturnType<Echoed> {
    return echoed.call(this, back(token, last.get(this) ?? token), nowMs);
  };
  const undo = [
    replaced(Liveness.prototype, "next", { value: nextBy }),
    replaced(Liveness.prototype, "echoed", { value: echoedBy }),
  ];
  return () => {
    for (const one of undo) one();
  };
}

const numberOf = (token: string) => token.slice(token.indexOf(".") + 1);
const nonceOf = (token: string) => token.slice(0, token.indexOf("."));

export const writerPlants: Readonly<Record<string, Plant>> = {
  /** Whoever once had it goes on writing. */
  "skip the tenure check": {
    inside: () => replaced(BotDelivery.prototype, "mayWrite", { value: () => true }),
  },
  /** All connections have the same one. */
  "reuse a nonce": {
    inside: () =>
      tokens(
        (token) => `one.${numberOf(token)}`,
        (token, last) => `${nonceOf(last)}.${numberOf(token)}`,
      ),
  },
  /** An echo answers the last ping, whatever it says. */
  "confirm across connections": {
    inside: () =>
      tokens(
        (token) => token,
        (_, last) => last,
      ),
  },
  /** One look in four finds nobody alive. */
  "promote before the life key is gone": {
    gateway: (backends) => {
      let looks = 0;
      const { membership } = backends;
      const live: typeof membership.live = async (role) => (++looks % 4 === 0 ? [] : membership.live(role));
      return { ...backends, membership: but(membership, { live }) };
    },
  },
  /** What was confirmed counts, recorded or not. */
  "a window of what is confirmed, not of what is recorded": {
    inside: () => replaced(Recording.prototype, "upTo", { get: () => Number.MAX_SAFE_INTEGER }),
  },
  "enrol without looking for a later one": {
    gateway: (backends) => {
      const { writers } = backends;
      return {
        ...backends,
        writers: but(writers, {
          enrol: async (candidate) => ({ ...(await writers.enrol(candidate)), outdated: false }),
        }),
      };
    },
  },
  "leave nothing in doubt": {
    gateway: (backends) => {
      const { writers } = backends;
      return {
        ...backends,
        writers: but(writers, {
          take: async (...call) => {
            const taken = await writers.take(...call);
            return "holder" in taken ? taken : { ...taken, doubtBelow: taken.first };
          },
        }),
      };
    },
  },
};
