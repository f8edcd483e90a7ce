/**
 * Late lines, over real processes: a gateway sleeps beyond its life while phones talk, and another takes its bot over.
 * What it reads when it wakes is older than what the other has read since.
 */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import type { ChatEvent } from "#common/contract/envelope.ts";
import type { Pod } from "#scripts/stack/pod.ts";
import { Gateways, type Phone, patience } from "#test/fixtures/gateways.ts";

let gateways: Gateways;
let a: Pod;
let b: Pod;
let writer: Phone;
let standby: Phone;

beforeAll(async () => {
  gateways = await Gateways.open();
});
afterAll(() => gateways.close());
beforeEach(async () => {
  await gateways.begin();
  [a, b] = await Promise.all([gateways.start("a"), gateways.start("b")]);
  writer = await gateways.dialIn(a, "d1");
  await gateways.writes(a);
  standby = await gateways.dialIn(b, "d2");
});
afterEach(() => gateways.end());

const named = (who: string, from: number, to: number) =>
  Array.from({ length: to - from }, (_, i) => `${who}${from + i}`);

function say(phone: Phone, texts: readonly string[]): void {
  for (const text of texts) phone.say(text, text.replace(/\D/g, ""));
}

/** Of the one room, in the order of its lane. */
async function onRecord(): Promise<{ readonly late: readonly string[]; readonly inTime: readonly string[] }> {
  const lines = (await gateways.lines()).filter((event): event is ChatEvent => event.kind === "chat");
  const [late, inTime] = [true, false].map((is) => lines.filter((line) => (line.late ?? false) === is));
  return { late: late?.map(({ text }) => text) ?? [], inTime: inTime?.map(({ text }) => text) ?? [] };
}

const isThere = (texts: readonly string[]) =>
  vi.waitFor(async () => {
    const { late, inTime } = await onRecord();
    expect([...late, ...inTime]).toEqual(expect.arrayContaining([...texts]));
  }, patience);

describe("a gateway that sleeps beyond its life while its phone talks", () => {
  it("finds its bot taken over: what it had not read is late, and nothing is out of order or begun under its tenure", async () => {
    const [read, unsure, unread, meanwhile, after] = [
      named("old ", 1, 21),
      named("old ", 21, 31),
      named("old ", 31, 61),
      named("new ", 101, 121),
      named("new ", 121, 141),
    ] as const;
    say(writer, read);
    await isThere(read);
    say(writer, unsure);
    await a.child.pause();
    say(writer, unread);
    await gateways.answer("1");
    await gateways.writes(b);
    await vi.waitFor(() => expect(standby.shown).toEqual(["1"]), patience);
    say(standby, meanwhile);
    await isThere(meanwhile);

    a.child.signal("SIGCONT");
    say(standby, after);
    for (let i = 2; i <= 20; i++) await gateways.answer(`${i}`);
    await isThere([...after, ...unread]);
    const { late, inTime } = await onRecord();
    const before = inTime.filter((text) => text.startsWith("old"));
    expect(inTime).toEqual([...before, ...meanwhile, ...after]);
    expect([...before, ...late]).toEqual([...read, ...unsure, ...unread]);
    expect(before.length).toBeLessThanOrEqual(read.length + unsure.length);

    await vi.waitFor(() => expect(standby.shown).toEqual(Array.from({ length: 20 }, (_, i) => `${i + 1}`)), patience);
    expect([writer.closed, writer.shown]).toEqual([false, []]);
  });

  it("goes on with its phone when it has answered: what that says then is in time", async () => {
    await a.child.pause();
    say(writer, ["old 1"]);
    await gateways.writes(b);
    a.child.signal("SIGCONT");
    await vi.waitFor(async () => expect((await onRecord()).late).toEqual(["old 1"]), patience);
    let n = 1;
    await vi.waitFor(async () => {
      say(writer, [`old ${++n}`]);
      expect((await onRecord()).inTime).not.toEqual([]);
    }, patience);
  });

  it("marks late what a phone said that is gone by then", async () => {
    await a.child.pause();
    say(writer, named("old ", 1, 11));
    writer.socket.end();
    await gateways.writes(b);
    say(standby, ["new 11"]);
    await isThere(["new 11"]);
    a.child.signal("SIGCONT");
    await vi.waitFor(() => expect(gateways.logged("a")).toContain('"msg":"writer.ended"'), patience);
    say(standby, ["new 12"]);
    await isThere(["new 12"]);
    await vi.waitFor(async () => expect((await onRecord()).late).toEqual(named("old ", 1, 11)), patience);
    expect((await onRecord()).inTime).toEqual(["new 11", "new 12"]);
  });
});
