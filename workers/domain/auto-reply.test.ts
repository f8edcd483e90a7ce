import { expect, test } from "vitest";
import { chat } from "#test/fixtures/dialogue.ts";
import { compileTrigger } from "#workers/trigger.ts";
import { type AutoReply, autoAnswer } from "./auto-reply.ts";
import type { Command } from "./command.ts";
import { NOTHING } from "./decision.ts";

const command = (directive: string, promptRequired = false): Command => {
  return { name: "x", directive, help: "", promptRequired, parameters: {}, run: () => NOTHING };
};
const commands = [command("# menu"), command("# ask", true)];
const rule = (trigger: string, more: Partial<AutoReply> = {}): AutoReply => {
  return { trigger: compileTrigger(trigger), reply: "", command: null, ...more };
};
const answer = (text: string, ...rules: readonly AutoReply[]) => autoAnswer(rules, chat(text, "1"), commands);
const says = (text: string) => [{ kind: "text", text }];

test("the first rule that fits answers, and no other", () => {
  const rules = [rule("안녕$", { reply: "1" }), rule("안녕", { reply: "2" })];
  expect(answer("안녕", ...rules)?.opening).toEqual(says("1"));
  expect(answer("안녕하세요", ...rules)?.opening).toEqual(says("2"));
  expect(answer("네 안녕", ...rules)).toBeNull();
});

test("placeholders are filled once, by the time of the line in Korea", () => {
  const line = { ...chat("시간", "1"), sender: "{{DATE}}$&", receivedAt: Date.UTC(2026, 10, 21, 15, 4, 5) };
  const reply = "{{USERNAME}}님 {{DATE}} {{TIME}} {{ROOM}}";
  expect(autoAnswer([rule("시간", { reply })], line, commands)?.opening).toEqual(
    says("{{DATE}}$&님 2026-11-22 00:04:05 {{ROOM}}"),
  );
});

test("a command is run as if it had been said, after the reply", () => {
  const found = answer("점메추", rule("점메추", { reply: "추천할게요!", command: "# menu 한식" }));
  expect(found).toMatchObject({ opening: says("추천할게요!"), parsed: { command: commands[0], prompt: "한식" } });
});

test("a command that needs a prompt gets what the rule says, or else what was said", () => {
  const asked = (line: string) => answer("봇아 뭐해", rule("봇아", { command: line }))?.parsed?.prompt;
  expect(asked("# ask 안부")).toBe("안부");
  expect(asked("# ask")).toBe("봇아 뭐해");
});

test("a rule whose command does not exist swallows nothing: its reply is said, or the next rule is asked", () => {
  const gone = "# [자동응답] 환율조회";
  expect(answer("환율", rule("환율", { command: gone }))).toBeNull();
  expect(answer("환율", rule("환율", { command: gone }), rule("환", { reply: "다음" }))?.opening).toEqual(says("다음"));
  expect(answer("환율", rule("환율", { command: gone, reply: "곧" }))).toEqual({ opening: says("곧"), parsed: null });
});
