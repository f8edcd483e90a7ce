/**
 * The log files of a stack on one's own machine grow to 16 MB and are kept three times over: pod.log, pod.log.1 to .3. In
 * a container nothing of this happens: pods log to stdout, and what runs the container keeps and rotates it.
 *
 * Copied and emptied, not renamed: the process that writes holds the file open and knows nothing of it, so this is the same
 * for our pods, Redis and MariaDB. What it writes between the copy and the emptying, some milliseconds, is lost.
 */
import { copyFileSync, existsSync, renameSync, statSync, truncateSync } from "node:fs";

const BYTES_MAX = 16 * 1024 * 1024;
const KEPT = 3;
const LOOK_EVERY_MS = 5_000;

/** Until the function is called that it gives. The file must have been opened for appending. */
export function rotateWhileFilling(file: string): () => void {
  const timer = setInterval(() => rotateIfFull(file, BYTES_MAX), LOOK_EVERY_MS).unref();
  return () => clearInterval(timer);
}

export function rotateIfFull(file: string, bytesMax: number): void {
  if ((statSync(file, { throwIfNoEntry: false })?.size ?? 0) < bytesMax) return;
  for (let age = KEPT - 1; age >= 1; age--) {
    if (existsSync(`${file}.${age}`)) renameSync(`${file}.${age}`, `${file}.${age + 1}`);
  }
  copyFileSync(file, `${file}.1`);
  truncateSync(file);
}
