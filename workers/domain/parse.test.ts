import { expect, test } from "vitest";
import { chat } from "#test/fixtures/dialogue.ts";
import type { Command } from "./command.ts";
import { NOTHING } from "./decision.ts";
import { findCommand, parseLine, turnOf } from "./parse.ts";

const command = (directive: string, more: Partial<Command> = {}): Command => ({
  name: "x",
  directive,
  help: "",
  promptRequired: false,
  parameters: {},
  run: () => NOTHING,
  ...more,
});

test("the longest directive that the text starts with wins", () => {
  const commands = [command(">"), command(">>"), command("! 전체")];
  expect(findCommand(">> 질문", commands)?.directive).toBe(">>");
  expect(findCommand("> 질문", commands)?.directive).toBe(">");
  expect(findCommand("! 창 1:1", commands)).toBeUndefined();
});

test("a required parameter that is missing is named in the answer", () => {
  const one = command("# x", { parameters: { room: { type: "string", required: true } } });
  expect(parseLine("# x", "1", [one])).toMatchObject({
    kind: "refused",
    answer: "❌ 파라미터 오류: 필수 파라미터 'room'가 누락되었습니다.",
  });
  expect(parseLine("# x --room=a=b", "1", [one])).toMatchObject({ kind: "command", parameters: { room: "a=b" } });
});

test("names of JavaScript's own are no parameters", () => {
  const one = command("# x", { parameters: { n: { type: "int", default: 1 } } });
  const parsed = parseLine("# x --__proto__=1 --constructor=2 --n=12", "1", [one]);
  expect(parsed).toMatchObject({ kind: "command", prompt: "--__proto__=1", parameters: { n: 12 } });
});

test("a turn is frozen, and its chance is the same on every run", () => {
  const parsed = parseLine("# x", "1", [command("# x")]);
  if (parsed.kind !== "command") throw new Error("not parsed");
  const turn = turnOf(chat("# x", "1"), parsed);
  expect(() => Object.assign(turn.event, { room: "other" })).toThrow(TypeError);
  expect(() => Object.assign(turn, { nowMs: 0 })).toThrow(TypeError);
  expect(turn.random.next()).toBe(turnOf(chat("# x", "1"), parsed).random.next());
});
