/** Migrates the database of argv[2] when a line comes on stdin, as a pod that starts would. */
import { once } from "node:events";
import { openStore } from "./open-store.ts";

const url = process.argv[2] ?? "";
process.stdout.write("ready\n");
await once(process.stdin, "data");
const store = await openStore(url);
await store.close();
process.exit(0);
