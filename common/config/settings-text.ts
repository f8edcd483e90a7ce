/** Settings as text in a file. Faults name the file and never quote it: it may hold a password. */
import { readFileSync } from "node:fs";
import { MoaError } from "../kernel/errors.ts";

/** @throws MoaError config_invalid */
export function textOf(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new MoaError("config_invalid", `${file} cannot be read: ${(error as NodeJS.ErrnoException).code}`);
  }
}

/** @throws MoaError config_invalid */
export function objectOf(text: string, file: string): Readonly<Record<string, unknown>> {
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch {
    throw new MoaError("config_invalid", `${file} cannot be read: it is not JSON`);
  }
  if (isObject(content)) return content;
  throw new MoaError("config_invalid", `${file} must hold one JSON object`);
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
