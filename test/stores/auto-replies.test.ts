/** What a worker knows of moa_auto_replies, and how soon. */
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test, vi } from "vitest";
import { MemoryApprovalChanges } from "#common/backends/memory/approval-changes.ts";
import { limits } from "#common/contract/limits.ts";
import { chat } from "#test/fixtures/dialogue.ts";
import { FakeClock } from "#test/fixtures/fake-clock.ts";
import { ask, type MariaDb, startMariaDb } from "#test/fixtures/mariadb.ts";
import { AutoReplies } from "#workers/auto-replies.ts";
import { autoAnswer } from "#workers/domain/auto-reply.ts";
import { MysqlAutoReplyStore } from "#workers/stores/auto-reply-store.ts";
import { log, type OpenStore, openStore } from "./open-store.ts";

const patience = { timeout: 10_000, interval: 10 };

let server: MariaDb;
let url: string;
let store: OpenStore;

beforeAll(async () => {
  server = await startMariaDb();
  url = await server.database("moa");
  store = await openStore(url);
});
afterAll(async () => {
  await store.close();
  await server.stop();
});
beforeEach(() => ask(url, "DELETE FROM moa_auto_replies"));

function insert(reply: string, { channel = "1001", place = 100, pattern = "안녕" } = {}) {
  const columns = "(bot, channel, place, pattern, reply)";
  return ask(url, `INSERT INTO moa_auto_replies ${columns} VALUES ('LOA.i', ?, ?, ?, ?)`, [
    channel,
    place,
    pattern,
    reply,
  ]);
}

async function started() {
  const clock = new FakeClock();
  const changes = new MemoryApprovalChanges(clock);
  const rules = new AutoReplies({ store: new MysqlAutoReplyStore(store.mysql), changes, commands: [], clock, log });
  await rules.start();
  onTestFinished(async () => {
    const stopped = rules.stop();
    await clock.advance(limits.approvalChangesEveryMs);
    await stopped;
  });
  const said = (text = "안녕", channel = "1001") => {
    const answer = autoAnswer(rules.of("LOA.i", channel) ?? [], chat(text, "1"), []);
    return answer?.opening.map((reply) => reply.kind === "text" && reply.text)[0];
  };
  return { clock, changes, rules, said };
}

test("of a room's rules the lowest place answers, then the oldest; other rooms have none", async () => {
  await insert("second");
  await insert("third");
  await insert("first", { place: 1 });
  await insert("elsewhere", { channel: "2002" });
  const { rules, said } = await started();
  expect(rules.of("LOA.i", "1001")).toHaveLength(3);
  expect([said(), said("안녕", "2002")]).toEqual(["first", "elsewhere"]);
  expect([rules.of("LOA.i", "3003"), rules.of("other", "1001")]).toEqual([undefined, undefined]);
});

test("a trigger that cannot be read and rules beyond a room's limit are left out, and no others", async () => {
  await insert("unreadable", { pattern: "(?=a)", place: 1 });
  for (let n = 0; n < limits.autoRepliesPerRoomMax + 1; n++) await insert(`${n}`, { pattern: `${n}$` });
  await insert("elsewhere", { channel: "2002" });
  const { rules, said } = await started();
  expect(rules.of("LOA.i", "1001")).toHaveLength(limits.autoRepliesPerRoomMax);
  expect([said("0"), said("안녕", "2002")]).toEqual(["0", "elsewhere"]);
});

test("a change is known when it is announced, and within a minute when it is not", async () => {
  const { clock, changes, said } = await started();
  await insert("told");
  await clock.advance(limits.approvalChangesEveryMs);
  expect(said()).toBeUndefined();
  await changes.announce({ kind: "auto-replies" });
  await clock.advance(limits.approvalChangesEveryMs);
  await vi.waitFor(() => expect(said()).toBe("told"), patience);
  await insert("untold", { place: 1 });
  await clock.advance(limits.autoRepliesAgainMs);
  await vi.waitFor(async () => {
    await clock.advance(limits.approvalChangesEveryMs);
    expect(said()).toBe("untold");
  }, patience);
});

test("with MySQL away the rules known last go on", async () => {
  await insert("known");
  const { clock, changes, said } = await started();
  await server.kill();
  await changes.announce({ kind: "auto-replies" });
  await clock.advance(limits.approvalChangesEveryMs);
  await server.restart();
  expect(said()).toBe("known");
});
