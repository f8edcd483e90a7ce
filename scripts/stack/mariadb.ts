/**
 * A private MariaDB (or MySQL) on 127.0.0.1. Its data directory is made in a folder beside and renamed, so that an
 * interrupted start leaves nothing half made. Everybody on a machine may connect to 127.0.0.1, so the only account that
 * can is `moa`, with a password of its own per data directory, for databases whose names begin with `moa` or `kkobot`; it
 * sees what statements run, to find out which one blocks.
 *
 * It has a place of its own for temporary files: a server that starts removes those of all others from a shared one.
 *
 * Run as root it stays root: the usual step down to the user `mysql` cannot read a clone below /root.
 */
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { basename, dirname, join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { Child } from "./child.ts";
import { installed, programOf } from "./program.ts";

const DATABASE = "moa";
const USER = process.getuid?.() === 0 ? ["--user=root"] : [];

export interface MariadbPlace {
  readonly dir: string;
  readonly port: number;
  readonly logFile: string;
  /** That the URL names; `moa` unless it is said. Made by whoever uses it, if it is another. */
  readonly database?: string | undefined;
}

/** Makes the data directory when there is none (about 2 s); the server itself is not started. */
export async function mariadbServer(place: MariadbPlace): Promise<{ server: Child; url: string }> {
  const dir = resolve(place.dir);
  const data = join(dir, "data");
  const program = programOf("mariadbd", "mysqld");
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  if (!existsSync(data)) await makeData(program, data);
  const password = passwordOf(dir);
  const init = join(dir, "init.sql");
  writeFileSync(init, accountSql(password), { mode: 0o600 });
  const network = [`--port=${place.port}`, "--bind-address=127.0.0.1", "--skip-name-resolve"];
  // Relative to the data directory: a socket's whole path must fit in 107 bytes.
  const files = [`--datadir=${data}`, "--socket=moa.sock", `--pid-file=${join(dir, "pid")}`, `--init-file=${init}`];
  const sets = ["--character-set-server=utf8mb4", "--collation-server=utf8mb4_unicode_ci"];
  // "loose": MySQL 8 knows some of these no more.
  const small = ["--innodb-buffer-pool-size=128M", "--loose-innodb-log-file-size=16M"];
  const server = new Child({
    name: "mariadb",
    command: program,
    args: ["--no-defaults", ...USER, ...network, ...files, ...sets, ...small],
    env: () => ({ ...process.env, TMPDIR: dir }),
    logFile: place.logFile,
    ready: (_, signal) => untilGreeting(place.port, signal),
    readyMsMax: 60_000,
    stopMsMax: 6_000,
  });
  return { server, url: `mysql://moa:${password}@127.0.0.1:${place.port}/${place.database ?? DATABASE}` };
}

async function makeData(program: string, data: string): Promise<void> {
  const fresh = `${data}.new`;
  rmSync(fresh, { recursive: true, force: true });
  const install = installed("mariadb-install-db");
  const isMariadb = basename(program) === "mariadbd" && install !== undefined;
  const [command, args] = isMariadb
    ? [install, ["--no-defaults", "--auth-root-authentication-method=socket", "--skip-test-db", "--skip-name-resolve"]]
    : [program, ["--no-defaults", "--initialize-insecure"]];
  await promisify(execFile)(command, [...args, ...USER, `--datadir=${fresh}`], {
    env: { ...process.env, TMPDIR: dirname(data) },
  });
  renameSync(fresh, data);
}

function passwordOf(dir: string): string {
  const file = join(dir, "password");
  if (!existsSync(file)) writeFileSync(file, randomBytes(16).toString("hex"), { mode: 0o600 });
  return readFileSync(file, "utf8");
}

/** Run by the server at every start, before it takes connections. One statement a line, as MySQL reads such files. */
function accountSql(password: string): string {
  const account = "'moa'@'127.0.0.1'";
  return [
    `CREATE DATABASE IF NOT EXISTS ${DATABASE} CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;`,
    `CREATE USER IF NOT EXISTS ${account} IDENTIFIED BY '${password}';`,
    `GRANT ALL ON \`${DATABASE}%\`.* TO ${account};`,
    `GRANT ALL ON \`kkobot%\`.* TO ${account};`,
    `GRANT PROCESS ON *.* TO ${account};`,
    "",
  ].join("\n");
}

/** The server's greeting comes after its init file has run; the port alone is open earlier. */
async function untilGreeting(port: number, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const isGreeted = await new Promise<boolean>((resolve) => {
      const socket = connect(port, "127.0.0.1");
      socket.setTimeout(1_000, () => socket.destroy());
      socket.once("data", () => {
        resolve(true);
        socket.destroy();
      });
      socket.once("error", () => {});
      socket.once("close", () => resolve(false));
    });
    if (isGreeted) return;
    await sleep(20);
  }
}
