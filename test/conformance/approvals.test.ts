import { expect, test } from "vitest";
import { limits } from "#common/contract/limits.ts";
import type { ApprovalChange } from "#common/ports/approvals.ts";
import { onEveryBackend } from "./on-every-backend.ts";

const device = (name: string): ApprovalChange => ({ kind: "device", bot: "b", device: name, status: "approved" });
const room: ApprovalChange = {
  kind: "room",
  bot: "봇 🎉",
  device: "d",
  channel: "18446369739418675",
  status: "revoked",
};

onEveryBackend((rig) => {
  test("whoever knows the version hears every change after it, in order, on every pod", async () => {
    const [one, two] = [await rig.pod(), await rig.pod()];
    await one.approvalChanges.announce(device("before"));
    const { version } = await two.approvalChanges.since("");
    await one.approvalChanges.announce(device("1"));
    await two.approvalChanges.announce(room);
    const heard = await two.approvalChanges.since(version);
    expect(heard.changes).toEqual([device("1"), room]);
    expect((await one.approvalChanges.since(version)).changes).toEqual([device("1"), room]);
    expect(await two.approvalChanges.since(heard.version)).toEqual({ version: heard.version, changes: [] });
  });

  test("whoever knows no version is told to forget everything, and gets one", async () => {
    const { approvalChanges } = await rig.pod();
    const empty = await approvalChanges.since("");
    expect(empty.changes).toBe("all");
    expect(await approvalChanges.since(empty.version)).toEqual({ version: empty.version, changes: [] });
  });

  test("the first change ever is heard as what it is", async () => {
    const { approvalChanges } = await rig.pod();
    const { version } = await approvalChanges.since("");
    await approvalChanges.announce(room);
    const heard = await approvalChanges.since(version);
    expect(heard.changes).toEqual([room]);
    await approvalChanges.announce(device("1"));
    expect((await approvalChanges.since(heard.version)).changes).toEqual([device("1")]);
  });

  test("whoever was away for more changes than are kept is told to forget everything, once", async () => {
    const { approvalChanges } = await rig.pod();
    await approvalChanges.announce(device("first"));
    const { version } = await approvalChanges.since("");
    const many = Array.from({ length: limits.approvalChangesMax }, (_, n) => device(`${n}`));
    for (const change of many.slice(1)) await approvalChanges.announce(change);
    expect((await approvalChanges.since(version)).changes).toEqual(many.slice(1));
    await approvalChanges.announce(device("one more"));
    const late = await approvalChanges.since(version);
    expect(late.changes).toBe("all");
    expect((await approvalChanges.since(late.version)).changes).toEqual([]);
  });

  test("a version that the store never gave or has lost is no version", async () => {
    const { approvalChanges } = await rig.pod();
    await approvalChanges.announce(device("1"));
    expect((await approvalChanges.since("1-1")).changes).toBe("all");
    expect((await approvalChanges.since(`${2 ** 45}-0`)).changes).toBe("all");
  });
});
