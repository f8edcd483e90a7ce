import type { Setting } from "./schema.ts";

export interface Given {
  readonly value: unknown;
  /** `default` where another setting chose among defaults. */
  readonly from: "default" | "file" | "enc" | "env" | "argument";
  /** The name under which a person gave it, or what chose. */
  readonly as: string;
}

/** Filled source by source; a later one replaces what an earlier one said. */
export interface Gathered {
  readonly given: Map<Setting, Given>;
  readonly faults: string[];
}
