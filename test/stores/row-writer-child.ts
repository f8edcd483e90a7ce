/** Copies rows until it is killed: argv is the Redis URL, the MySQL URL. */
import { openStore } from "./open-store.ts";
import { backendsOf, rowWriterOf } from "./row-copy.ts";

const [, , redisUrl = "", mysqlUrl = ""] = process.argv;
const store = await openStore(mysqlUrl);
const backends = backendsOf(redisUrl, store);
await backends.start();
await rowWriterOf(backends, store, { me: "me", live: () => ["me"] }).start();
process.stdout.write("copying\n");
