/** Connections that may become a bot's writer, on every backend. */
import { expect, test } from "vitest";
import { limits } from "#common/contract/limits.ts";
import { eventually, onEveryBackend } from "./on-every-backend.ts";
import { candidate, granted, listening } from "./writer-steps.ts";

const A = candidate("c.1", "g.1");
const B = candidate("c.2", "g.2");

onEveryBackend((rig) => {
  test("a candidate is told, meets who holds, and is seen by all until it withdraws", async () => {
    const { pod, told } = await listening(rig);
    const { writers } = await rig.pod();
    expect(await writers.enrol(A)).toEqual({ holder: null, outdated: false });
    const { epoch, id } = await granted(writers, A);
    const holder = { epoch, id, member: "g.1", connection: "c.1" };
    expect(await writers.enrol(B)).toEqual({ holder, outdated: false });
    expect(
      [...(await pod.writers.look("bot")).candidates].sort((a, b) => (a.connection < b.connection ? -1 : 1)),
    ).toEqual([A, B]);
    await writers.withdraw("bot", "c.1");
    await writers.withdraw("bot", "c.1");
    expect((await pod.writers.look("bot")).candidates).toEqual([B]);
    const enrolled = ({ connection, device, since }: typeof A) => ({ kind: "enrolled", connection, device, since });
    await eventually(() =>
      expect(told).toEqual([enrolled(A), { kind: "taken", epoch, connection: "c.1" }, enrolled(B)]),
    );
  });

  test("one that holds by less than it has seen meets itself, and takes over itself: the store went back", async () => {
    const { writers } = await rig.pod();
    const old = await granted(writers, A);
    const { epoch, id, member, connection } = old;
    const seen = { epoch: epoch + 9, lost: false };
    expect(await writers.take(A, null, seen)).toEqual({ holder: { epoch, id, member, connection } });
    expect((await granted(writers, A, { over: old, atLeast: seen.epoch })).epoch).toBeGreaterThan(seen.epoch);
  });

  test("a later connection of a device strikes off the earlier, on whichever pod, and no other device's", async () => {
    const { writers } = await rig.pod();
    const later = candidate("c.0", "g.9", { device: A.device, since: A.since + 1 });
    for (const one of [A, B, later]) expect((await writers.enrol(one)).outdated).toBe(false);
    expect((await writers.look("bot")).candidates).toHaveLength(2);
    expect((await writers.look("bot")).candidates).toEqual(expect.arrayContaining([B, later]));
  });

  test("one whose device has a later connection is told that it is outdated, enters nothing and tells nobody", async () => {
    const { pod, told } = await listening(rig);
    const later = candidate("c.0", "g.9", { device: A.device, since: A.since + 1 });
    await pod.writers.enrol(later);
    expect(await pod.writers.enrol(A)).toEqual({ holder: null, outdated: true });
    expect((await pod.writers.look("bot")).candidates).toEqual([later]);
    await pod.writers.enrol(B);
    await eventually(() => expect(told.map((one) => "connection" in one && one.connection)).toEqual(["c.0", "c.2"]));
  });

  test("of two connections of one moment the same one is later, whichever enrols first", async () => {
    const { writers } = await rig.pod();
    const twin = candidate("c.9", "g.9", { device: A.device });
    await writers.enrol(A);
    expect((await writers.enrol(twin)).outdated).toBe(false);
    expect((await writers.enrol(A)).outdated).toBe(true);
    expect((await writers.look("bot")).candidates).toEqual([twin]);
  });

  test("a repeat changes nothing and is told again", async () => {
    const { pod, told } = await listening(rig);
    await pod.writers.enrol(A);
    expect(await pod.writers.enrol(A)).toEqual({ holder: null, outdated: false });
    expect((await pod.writers.look("bot")).candidates).toEqual([A]);
    await eventually(() => expect(told).toHaveLength(2));
  });

  test("a device may be named in any way", async () => {
    const { pod, told } = await listening(rig);
    const odd = candidate("c.3", "g.1", { device: "\t한글\n! \t" });
    await pod.writers.enrol(odd);
    await pod.writers.enrol({ ...odd, connection: "c.4", since: odd.since + 1 });
    expect((await pod.writers.look("bot")).candidates).toEqual([{ ...odd, connection: "c.4", since: odd.since + 1 }]);
    await eventually(() => expect(told[0]).toMatchObject({ device: odd.device, since: odd.since }));
  });

  test("of too many the oldest is struck off, never the one that enrols", async () => {
    const { writers } = await rig.pod();
    const most = Array.from({ length: limits.candidatesPerBotMax }, (_, i) =>
      candidate(`c-${i}`, "g.1", { since: 2_000 + i }),
    );
    for (const one of most) await writers.enrol(one);
    await writers.enrol(A);
    const names = (await writers.look("bot")).candidates.map(({ connection }) => connection);
    expect(names.sort()).toEqual([...most.slice(1).map(({ connection }) => connection), "c.1"].sort());
  });
});
