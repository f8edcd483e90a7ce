/**
 * What a setting may look like. A format refuses with a sentence that says what would be right and never quotes what was
 * given: it may be a secret. Those with a name also turn a variable's text into what the pods use.
 */
type Format = (value: unknown) => void;

export function port(value: unknown): void {
  if (!Number.isInteger(value) || (value as number) < 0 || (value as number) > 65_535) {
    throw new Error("must be a port, 0 to 65535 (0 = any free one)");
  }
}

export function within(low: number, high: number): Format {
  return (value) => {
    if (!Number.isInteger(value) || (value as number) < low || (value as number) > high) {
      throw new Error(`must be a whole number from ${low} to ${high}`);
    }
  };
}

export function share(value: unknown): void {
  if (typeof value !== "number" || value < 0 || value > 1) throw new Error("must be a number from 0 to 1");
}

export function url(...schemes: string[]): Format {
  return (value) => {
    const parsed = URL.canParse(String(value)) ? new URL(String(value)) : undefined;
    if (parsed === undefined || !schemes.includes(parsed.protocol) || parsed.hostname === "") {
      throw new Error(
        `must be a URL with a host that starts with ${schemes.map((scheme) => `${scheme}//`).join(" or ")}`,
      );
    }
  };
}

/** The empty one, where it is among them, is not offered. */
export function oneOf(...choices: readonly string[]): Format {
  return (value) => {
    if (!choices.includes(value as string)) throw new Error(`must be ${choices.filter(Boolean).join(" or ")}`);
  };
}

/** Empty, or long enough that nobody guesses it. */
export function token(value: unknown): void {
  if (typeof value !== "string" || (value !== "" && value.length < 16)) {
    throw new Error("must have at least 16 characters");
  }
}

export const namedFormats = [
  {
    name: "switch",
    coerce: (value: unknown) => ({ true: true, 1: true, false: false, 0: false })[String(value)] ?? value,
    validate: (value: unknown) => {
      if (typeof value !== "boolean") throw new Error("must be true or false");
    },
  },
  {
    name: "roles",
    coerce: (value: unknown) => listOf(value),
    validate: (value: unknown) => {
      const allowed = ["lanes", "rows", "jobs"];
      if (!Array.isArray(value) || value.length === 0 || !value.every((role) => allowed.includes(role))) {
        throw new Error(`must be a comma separated list of ${allowed.join(", ")}`);
      }
    },
  },
  {
    name: "networks",
    coerce: (value: unknown) => listOf(value),
    validate: (value: unknown) => {
      if (!Array.isArray(value) || !value.every(isNetwork)) {
        throw new Error("must be a comma separated list of networks, each as 10.0.0.0/8 or fd00::/8");
      }
    },
  },
  {
    name: "addresses",
    coerce: (value: unknown) => listOf(value),
    validate: (value: unknown) => {
      if (!Array.isArray(value) || !value.every(isAddress)) {
        throw new Error("must be a comma separated list of addresses, each as host:6379 or [fd00::1]:6379");
      }
    },
  },
];

function listOf(value: unknown): unknown {
  if (typeof value !== "string") return value;
  return value.split(",").flatMap((one) => one.trim() || []);
}

/** An address with the length of its prefix. Without node:net, which is for listeners only: URL reads IPv6 as well. */
export function isNetwork(value: unknown): boolean {
  const [, address = "", bits = ""] = /^([^/]+)[/](\d{1,3})$/.exec(String(value)) ?? [];
  if (address.includes(":")) return Number(bits) <= 128 && URL.canParse(`http://[${address}]/`);
  const octets = address.split(".");
  return Number(bits) <= 32 && octets.length === 4 && octets.every((one) => /^\d{1,3}$/.test(one) && Number(one) < 256);
}

function isAddress(value: unknown): boolean {
  const port = Number(/:(\d{1,5})$/.exec(String(value))?.[1] ?? 0);
  return port > 0 && port <= 65_535 && URL.canParse(`tcp://${value}`) && new URL(`tcp://${value}`).host === value;
}
