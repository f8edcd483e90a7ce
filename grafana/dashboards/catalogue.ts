/** Every dashboard; each is made into <uid>.json beside this file by `npm run docs`. */
import { deploy } from "./deploy.ts";
import { fleet } from "./fleet.ts";
import { lanes } from "./lanes.ts";
import type { DashboardEntry } from "./panel.ts";
import { stores } from "./stores.ts";
import { way } from "./way.ts";
import { writers } from "./writers.ts";

export const dashboards: readonly DashboardEntry[] = [fleet, way, writers, lanes, stores, deploy];
