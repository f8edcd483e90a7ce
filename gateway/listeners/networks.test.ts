import { expect, test } from "vitest";
import { within } from "./networks.ts";

test.each([
  ["10.0.0.0/8", "10.255.0.1", true],
  ["10.0.0.0/8", "11.0.0.1", false],
  ["192.0.2.7/32", "192.0.2.7", true],
  ["192.0.2.7/32", "192.0.2.8", false],
  ["0.0.0.0/0", "203.0.113.1", true],
  ["10.0.0.0/8", "::ffff:10.1.2.3", true],
  ["10.0.0.0/8", "::1", false],
  ["fd00::/8", "fd12::1", true],
  ["fd00::/8", "fe80::1", false],
])("of the network %s: is %s in it? %s", (network, address, expected) => {
  expect(within([network])(address)).toBe(expected);
});

test.each(["", "gone", "10.0.0", "10.0.0.1:80"])("%j is in no network", (address) => {
  expect(within(["0.0.0.0/0", "::/0"])(address)).toBe(false);
});

test("of several networks one is enough, of none there is nothing in", () => {
  expect(within(["10.0.0.0/8", "fd00::/8"])("fd00::1")).toBe(true);
  expect(within([])("10.0.0.1")).toBe(false);
});
