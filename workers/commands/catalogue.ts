/** Every command, one line each. Order does not matter: the longest directive that fits wins. */
import type { Command } from "#workers/domain/command.ts";
import { echo } from "./echo/index.ts";

export const commands: readonly Command[] = [echo];
