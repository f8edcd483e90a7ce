/** What operators see of schedules. They are made on the original's admin pages, which write the same tables. */
import { MoaError } from "#common/kernel/errors.ts";
import type { AdminRoutes } from "#common/observe/admin-door.ts";
import { limitOf, wholeNumber } from "#common/observe/admin-fields.ts";
import type { KnownSchedules } from "./domain/stores.ts";

const LOGS_SHOWN = 20;

export function scheduleRoutes({ schedules }: { readonly schedules: KnownSchedules }): AdminRoutes {
  return {
    "GET schedules": async ({ query }) => ({ schedules: await schedules.list(query.get("bot"), limitOf(query)) }),
    "GET schedule": async ({ query }) => {
      const id = wholeNumber(query.get("id"), "id");
      const schedule = await schedules.show(id);
      if (schedule === null) throw new MoaError("not_found", "no such schedule");
      return { schedule, logs: await schedules.logs(id, LOGS_SHOWN) };
    },
  };
}
