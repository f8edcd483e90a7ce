/** What abuse may cost, at a short size; `npm run accept -- abuse` runs 1,000 slow-loris sockets and their company. */
import { expect, test } from "vitest";
import { abuseSizes, runAbuse } from "./abuse.ts";

test("slow-loris sockets, phones that never read and a flood of garbage cost the honest no line", async () => {
  const { failed } = await runAbuse(abuseSizes.short);
  expect(failed).toEqual([]);
});
