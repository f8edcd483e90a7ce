import { describe, expect, it } from "vitest";
import type { Identity } from "#gateway/platforms/platform.ts";
import { ConnectionTable } from "./table.ts";

interface Entry {
  readonly id: string;
  readonly identity: Identity | null;
}

let ids = 0;
function connect(table: ConnectionTable<Entry>, bot: string, device: string): Entry {
  const identity = { bot, device, version: "3", clientType: "", deviceInfo: "" };
  const entry: Entry = { id: `c${++ids}`, identity };
  table.add(entry);
  return entry;
}

function admit(table: ConnectionTable<Entry>, bot: string, device: string): Entry {
  const entry = connect(table, bot, device);
  table.admit(entry);
  return entry;
}

describe("connections of a pod", () => {
  it("the one of a bot that was admitted last is its newest, whatever its device", () => {
    const table = new ConnectionTable<Entry>();
    admit(table, "bot", "a");
    const second = admit(table, "bot", "b");
    admit(table, "other", "c");
    expect(table.newest("bot")).toBe(second);
    expect(table.size).toBe(3);
  });

  it("one that is not admitted is never its bot's newest", () => {
    const table = new ConnectionTable<Entry>();
    const stranger = connect(table, "bot", "a");
    expect(table.newest("bot")).toBeUndefined();
    const own = admit(table, "bot", "a");
    connect(table, "bot", "a");
    expect(table.newest("bot")).toBe(own);
    expect([...table.all()]).toContain(stranger);
  });

  it("one that is dismissed is not the newest any more, and still one of the pod's", () => {
    const table = new ConnectionTable<Entry>();
    const first = admit(table, "bot", "a");
    const second = admit(table, "bot", "b");
    table.dismiss(second);
    expect(table.newest("bot")).toBe(first);
    table.dismiss(first);
    expect(table.newest("bot")).toBeUndefined();
    expect([...table.all()]).toEqual([first, second]);
  });

  it("the late end of an old connection of a device touches no newer one", () => {
    const table = new ConnectionTable<Entry>();
    const old = admit(table, "bot", "a");
    const fresh = admit(table, "bot", "a");
    table.remove(old);
    table.remove(old);
    expect(table.newest("bot")).toBe(fresh);
    expect([...table.all()]).toEqual([fresh]);
  });

  it("when the newest ends the one before it is the newest again, until none is left", () => {
    const table = new ConnectionTable<Entry>();
    const first = admit(table, "bot", "a");
    const second = admit(table, "bot", "b");
    table.remove(second);
    expect(table.newest("bot")).toBe(first);
    table.remove(first);
    expect(table.newest("bot")).toBeUndefined();
    expect(table.size).toBe(0);
  });

  it("a connection that never said who it is can be removed", () => {
    const table = new ConnectionTable<Entry>();
    const entry: Entry = { id: "silent", identity: null };
    table.add(entry);
    table.remove(entry);
    expect(table.size).toBe(0);
  });
});
