import { bridge } from "./bridge/index.ts";
import type { Platform } from "./platform.ts";

/** Every platform, one line each, by its name. */
export const platforms = { bridge } as const satisfies Record<string, Platform>;
