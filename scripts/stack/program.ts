import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { MoaError } from "#common/kernel/errors.ts";

/**
 * Path of the first of these programs that is installed. Debian keeps servers in sbin, which is not on a user's PATH.
 * @throws MoaError server_unfit
 */
export function programOf(...names: readonly string[]): string {
  const found = installed(...names);
  if (found === undefined) throw new MoaError("server_unfit", `${names.join(" or ")} is not installed`);
  return found;
}

export function installed(...names: readonly string[]): string | undefined {
  const folders = [...(process.env.PATH ?? "").split(delimiter), "/usr/local/sbin", "/usr/sbin", "/sbin"];
  return names.flatMap((name) => folders.map((folder) => join(folder, name))).find(isProgram);
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
