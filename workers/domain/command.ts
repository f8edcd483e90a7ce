/** How a command is defined: one folder under workers/commands, one line in its catalogue. */
import type { Decision, Turn } from "./decision.ts";

export interface ParameterSpec {
  readonly type: "string" | "int";
  readonly required?: boolean;
  readonly default?: string | number;
}

export interface Command {
  /** Closed set for metrics and logs: lower-case, e.g. `echo`. */
  readonly name: string;
  /** What a line starts with, e.g. `# echo`. The longest directive that fits wins. */
  readonly directive: string;
  /** One Korean line for the help. */
  readonly help: string;
  /** A line without prompt is answered with the usage. */
  readonly promptRequired: boolean;
  /** `--name=value`, anywhere in the text, the last one wins; taken out of the prompt. */
  readonly parameters: Readonly<Record<string, ParameterSpec>>;
  run(turn: Turn): Decision | Promise<Decision>;
}
