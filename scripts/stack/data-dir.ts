/**
 * A data directory belongs to one stack at a time: two servers on one set of files destroy them. The claim is a socket
 * in Linux' abstract namespace, named after the directory: taken or not in one step, and gone with its process however
 * that ended, so there is no stale lock to judge. The servers end with that process too (child.ts).
 */
import { createHash } from "node:crypto";
import { mkdirSync, realpathSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { MoaError } from "#common/kernel/errors.ts";

export class DataDir {
  readonly path: string;
  readonly #claim: Server;

  private constructor(path: string, claim: Server) {
    this.path = path;
    this.#claim = claim;
  }

  /** @throws MoaError config_invalid when another stack has it */
  static async claim(path: string): Promise<DataDir> {
    mkdirSync(path, { recursive: true });
    const real = realpathSync(path);
    const claim = await claimOf(real);
    if (claim !== undefined) return new DataDir(real, claim);
    const way = "stop it with Ctrl-C, or give this one its own place: MOA_DATA_DIR=.data2 npm start -- --port 0";
    throw new MoaError("config_invalid", `another stack is running on ${real}; ${way}`);
  }

  /** When all that ran on it has ended. */
  release(): void {
    rmSync(join(this.path, "stack.json"), { force: true });
    this.#claim.close();
  }
}

function claimOf(path: string): Promise<Server | undefined> {
  const name = createHash("sha256").update(path).digest("hex");
  const claim = createServer((socket) => socket.destroy());
  return new Promise((resolve, reject) => {
    claim.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EADDRINUSE") resolve(undefined);
      else reject(error);
    });
    claim.listen(`\0moa-stack-${name}`, () => resolve(claim));
  });
}
