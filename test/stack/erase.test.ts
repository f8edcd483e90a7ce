/** `moa erase` against real pods, while they run. */
import { expect, test, vi } from "vitest";
import { ask } from "#test/fixtures/mariadb.ts";
import { moaOf, TOKEN } from "#test/fixtures/moa.ts";
import { patience, RawPhone } from "#test/fixtures/raw-phone.ts";
import { stackOfTest } from "#test/fixtures/stack.ts";

const HIS = "hash-of-who-asked";

test("an operator erases a user and a room; the audit tells how it ended, no log tells of whom", async () => {
  const { stack } = await stackOfTest({ workers: 2, env: { MOA_OPS_TOKEN: TOKEN } });
  const moa = moaOf(stack.workers);
  const phone = await RawPhone.identified(stack.gateways[0]?.ports.bridge as number);
  const messages = async () =>
    (await ask(stack.mysqlUrl, "SELECT message FROM kb_chat_logs ORDER BY id")).map(({ message }) => message);
  const ended = async (times: number) => {
    const { json } = await moa("audit", "--json");
    const rows = json.audit as readonly { readonly action: string; readonly after: string }[];
    expect(rows.filter(({ action, after }) => /^erase/.test(action) && /^done/.test(after))).toHaveLength(times);
  };

  phone.say("# echo his", { userHash: HIS });
  phone.say("# echo another's");
  phone.say("# echo elsewhere", { channelId: "2002", room: "다른 방" });
  await phone.until(() => phone.shown.length === 3, "the answers");
  const begun = await moa("erase", "user", HIS, "--json");
  expect(begun.code).toBe(0);
  expect(begun.json).toMatchObject({ begun: expect.stringMatching(/^sha256 [0-9a-f]{6}$/) });
  await vi.waitFor(() => ended(1), patience);
  expect(new Set(await messages())).toEqual(
    new Set(["# echo another's", "에코: another's", "# echo elsewhere", "에코: elsewhere"]),
  );

  expect((await moa("erase", "room", "2002")).out).toContain("not erased:\n  Backups");
  await vi.waitFor(() => ended(2), patience);
  expect(await messages()).toEqual(["# echo another's", "에코: another's"]);
  phone.say("# echo after");
  await phone.until(() => phone.shown.includes("에코: after"), "an answer afterwards");

  expect((await moa("erase", "user", "")).code).not.toBe(0);
  const logs = stack.children.map((child) => child.logTail(100_000)).join("\n");
  expect(logs).toContain("erased");
  expect(logs).not.toContain(HIS);
});
