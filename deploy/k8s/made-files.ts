/** Everything below deploy/k8s that is made and not written: by path from there, its content. */
import { chartFiles } from "./chart.ts";
import { kustomizeFiles } from "./kustomize.ts";

/** Folders that hold nothing else. */
export const MADE_FOLDERS = ["base", "components", "overlays", "chart"] as const;

export function madeFiles(): ReadonlyMap<string, string> {
  return new Map(Object.entries({ ...kustomizeFiles(), ...chartFiles() }));
}
