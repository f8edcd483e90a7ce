import { describe, expect, it } from "vitest";
import type { Identity } from "#gateway/platforms/platform.ts";
import { ConnectionTable } from "./table.ts";

interface Entry {
  readonly id: string;
  identity: Identity | null;
}

let ids = 0;
function connect(table: ConnectionTable<Entry>, bot: string, device: string) {
  const entry: Entry = { id: `c${++ids}`, identity: null };
  table.add(entry);
  entry.identity = { bot, device, version: "3", clientType: "", deviceInfo: "" };
  return { entry, replaced: table.identify(entry) };
}

describe("connections of a pod", () => {
  it("the newest identified connection of a bot is its newest, whatever its device", () => {
    const table = new ConnectionTable<Entry>();
    connect(table, "bot", "a");
    const { entry: second, replaced } = connect(table, "bot", "b");
    connect(table, "other", "c");
    expect(replaced).toBeUndefined();
    expect(table.newest("bot")).toBe(second);
    expect(table.size).toBe(3);
  });

  it("the same device again replaces its old connection, whose late end touches nothing", () => {
    const table = new ConnectionTable<Entry>();
    const { entry: old } = connect(table, "bot", "a");
    const { entry: fresh, replaced } = connect(table, "bot", "a");
    expect(replaced).toBe(old);
    table.remove(old);
    expect(table.newest("bot")).toBe(fresh);
    expect([...table.all()]).toEqual([fresh]);
  });

  it("when the newest ends the one before it is the newest again, until none is left", () => {
    const table = new ConnectionTable<Entry>();
    const { entry: first } = connect(table, "bot", "a");
    const { entry: second } = connect(table, "bot", "b");
    table.remove(second);
    expect(table.newest("bot")).toBe(first);
    table.remove(first);
    expect(table.newest("bot")).toBeUndefined();
    expect(table.size).toBe(0);
  });

  it("phones that could not read their own id do not replace each other", () => {
    const table = new ConnectionTable<Entry>();
    connect(table, "bot", "unknown");
    expect(connect(table, "bot", "unknown").replaced).toBeUndefined();
    expect(table.size).toBe(2);
  });

  it("a connection that never said who it is can be removed", () => {
    const table = new ConnectionTable<Entry>();
    const entry: Entry = { id: "silent", identity: null };
    table.add(entry);
    table.remove(entry);
    expect(table.size).toBe(0);
  });
});
