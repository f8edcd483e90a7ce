/** Every text that moa itself shows to people in a room. Korean; the wording of the original where it had one. */
export const texts = {
  usage: (directive: string) => `사용법: ${directive} {내용}`,
  parameterMissing: (name: string) => `❌ 파라미터 오류: 필수 파라미터 '${name}'가 누락되었습니다.`,
  parameterNotInt: (name: string, value: string) =>
    `❌ 파라미터 오류: 파라미터 '${name}'의 값이 올바른 int 형식이 아닙니다: ${value}`,
  turnFailed: "⚠️ 처리 중 오류가 발생했습니다. 운영자에게 전달했습니다.",
  turnTimeout: "⚠️ 처리 시간이 초과되었습니다. 운영자에게 전달했습니다.",
  echo: (text: string) => `에코: ${text}`,
  echoNumbered: (index: number, count: number, text: string) => `[${index}/${count}] 에코: ${text}`,
  echoTooMany: (most: number) => `⚠️ 반복 횟수는 최대 ${most}회로 제한됩니다.`,
} as const;
