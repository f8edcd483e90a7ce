import { createConnection } from "mysql2/promise";
import { MoaError } from "#common/kernel/errors.ts";

const CONNECT_MS_MAX = 5_000;

/**
 * Makes the database that the URL names, when it is not there and the account may.
 * @throws MoaError mysql_unavailable, naming the server but not the account
 */
export async function ensureDatabase(url: string): Promise<void> {
  const place = new URL(url);
  const name = decodeURIComponent(place.pathname.slice(1));
  try {
    if (await hasDatabase(url)) return;
    place.pathname = "/";
    const connection = await createConnection({ uri: place.href, connectTimeout: CONNECT_MS_MAX });
    await connection.query(`CREATE DATABASE IF NOT EXISTS ?? CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci`, [name]);
    connection.destroy();
  } catch (cause) {
    const why = `${place.host}, database "${name}": ${(cause as Error).message}`;
    throw new MoaError("mysql_unavailable", `${why} (from MOA_MYSQL_URL)`, { cause });
  }
}

async function hasDatabase(url: string): Promise<boolean> {
  try {
    const connection = await createConnection({ uri: url, connectTimeout: CONNECT_MS_MAX });
    connection.destroy();
    return true;
  } catch (error) {
    if ((error as { code?: string }).code === "ER_BAD_DB_ERROR") return false;
    throw error;
  }
}
