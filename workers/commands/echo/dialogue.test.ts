import { test } from "vitest";
import { expectDialogue } from "#test/fixtures/dialogue.ts";
import { commands } from "../catalogue.ts";

test("echo says back what it was told", async () => {
  await expectDialogue(
    commands,
    `
    > # echo 안녕하세요
    < 에코: 안녕하세요
    > # echo   두 칸  띄움
    < 에코: 두 칸  띄움
    > # echo붙여 쓴 말
    < 에코: 붙여 쓴 말
    > 안녕
    > echo 안녕
    > # Echo 안녕
    `,
  );
});

test("echo without content tells how it is used", async () => {
  await expectDialogue(
    commands,
    `
    > # echo
    < 사용법: # echo {내용}
    > # echo --repeat=2
    < 사용법: # echo {내용}
    `,
  );
});

test("echo repeats up to five times, numbered", async () => {
  await expectDialogue(
    commands,
    `
    > # echo --repeat=2 안녕
    < [1/2] 에코: 안녕
    < [2/2] 에코: 안녕
    > # echo 안녕 --repeat=1
    < 에코: 안녕
    > # echo 안녕 --repeat=0
    < 에코: 안녕
    > # echo 안녕 --repeat=3 --repeat=2
    < [1/2] 에코: 안녕
    < [2/2] 에코: 안녕
    > # echo --repeat=6 안녕
    < ⚠️ 반복 횟수는 최대 5회로 제한됩니다.
    < [1/5] 에코: 안녕
    < [2/5] 에코: 안녕
    < [3/5] 에코: 안녕
    < [4/5] 에코: 안녕
    < [5/5] 에코: 안녕
    > # echo --repeat=셋 안녕
    < ❌ 파라미터 오류: 파라미터 'repeat'의 값이 올바른 int 형식이 아닙니다: 셋
    `,
  );
});

test("echo meant for another room is passed over in silence", async () => {
  await expectDialogue(
    commands,
    `
    > # echo --channel-id=1001 여기
    < 에코: 여기
    > # echo --channel-id=2002 저기
    `,
  );
});
