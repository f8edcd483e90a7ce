/** All objects of a deployment, by the file they are in. */
import { configObjects } from "./config.ts";
import { consoleObjects } from "./console.ts";
import { gatewayObjects } from "./gateway.ts";
import { migrateObjects } from "./migrate.ts";
import { monitorObjects } from "./monitors.ts";
import { policyObjects } from "./policies.ts";
import { scalingObjects } from "./scaling.ts";
import type { Place, Values } from "./values.ts";
import { workerObjects } from "./workers.ts";

export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata?: { readonly name?: string; readonly labels?: Readonly<Record<string, string>> };
}

/** An object that the values leave out is undefined, or in the chart's form an `Optional`. */
export function manifests(values: Values, place: Place): Readonly<Record<string, readonly (Manifest | undefined)[]>> {
  return {
    config: configObjects(values),
    gateway: gatewayObjects(values, place),
    workers: workerObjects(values, place),
    migrate: migrateObjects(values, place),
    console: consoleObjects(values),
    policies: policyObjects(values),
    scaling: scalingObjects(values, place),
    monitors: monitorObjects(values),
  };
}
