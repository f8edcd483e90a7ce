/**
 * Settings in the original's pair of files: a Fernet key, and a token made with it that holds one JSON object. The two
 * lie side by side, so this keeps passwords from an eye that passes over them and from a careless copy of one file; who
 * may read both has them.
 */
import { randomBytes } from "node:crypto";
import { existsSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { MoaError } from "../kernel/errors.ts";
import { decrypt, encrypt, fernetKeyOf } from "./fernet.ts";
import { objectOf, textOf } from "./settings-text.ts";

export interface EncryptedSettings {
  /** Names of settings and their values, as in the JSON file; or the original's DBs. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** Used when it is there, else made. */
  readonly keyFile: string;
  readonly encFile: string;
}

/** Both files are whole and readable by their owner only, at every moment. @throws MoaError config_invalid */
export function writeEncrypted({ settings, keyFile, encFile }: EncryptedSettings): void {
  if (!existsSync(keyFile)) replaceFile(keyFile, encodedKey(randomBytes(32)));
  const from = { iv: randomBytes(16), atMs: Date.now() };
  replaceFile(encFile, encrypt(JSON.stringify(settings), keyIn(keyFile), from));
}

/** @throws MoaError config_invalid, naming the file and the way out; never what is in it */
export function readEncrypted(keyFile: string, encFile: string): EncryptedSettings["settings"] {
  const text = decrypt(textOf(encFile), keyIn(keyFile));
  if (text === undefined) {
    const way = "bring the key that belongs to it, or make it anew: moa config encrypt";
    throw new MoaError("config_invalid", `${encFile} was changed or not made with the key in ${keyFile}; ${way}`);
  }
  return objectOf(text, encFile);
}

function keyIn(file: string): Buffer {
  const key = fernetKeyOf(textOf(file));
  if (key !== undefined) return key;
  throw new MoaError("config_invalid", `${file} holds no Fernet key: that is 32 bytes as 44 letters of base64url`);
}

function encodedKey(key: Buffer): string {
  return `${key.toString("base64url")}=`;
}

/** A crash leaves the old file or the new one. */
function replaceFile(file: string, content: string): void {
  const fresh = `${file}.new`;
  try {
    rmSync(fresh, { force: true });
    writeFileSync(fresh, content, { mode: 0o600, flag: "wx" });
    renameSync(fresh, file);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new MoaError("config_invalid", `${file} cannot be written: ${code}`, { cause });
  }
}
