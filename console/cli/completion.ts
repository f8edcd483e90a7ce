/**
 * `moa completion bash|zsh`: a script made from the commands themselves, so that it cannot fall behind them. It completes
 * words and options; what a pod would have to be asked for it does not.
 */
import { Argument, type Command } from "commander";
import type { Desk } from "./desk.ts";

export function addCompletion(program: Command, desk: Desk): void {
  program
    .command("completion")
    .addArgument(new Argument("<shell>").choices(["bash", "zsh"]))
    .description('for a shell: eval "$(moa completion bash)"')
    .action((shell: "bash" | "zsh") => {
      const script = scriptOf(program);
      desk.show({ script }, shell === "bash" ? script : `autoload -Uz bashcompinit && bashcompinit\n${script}`);
    });
}

function scriptOf(program: Command): string {
  const cases = wordsAfter(program, []).map(([path, words]) => `    ${path}) words="${words}" ;;`);
  return `_moa() {
  local path="" word words=""
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$word" in -*) ;; *) path="\${path:+$path }$word" ;; esac
  done
  case "$path" in
${cases.join("\n")}
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -F _moa moa
`;
}

/** Of each command, by a pattern of the words that lead to it, what may follow. */
function wordsAfter(command: Command, path: readonly string[]): readonly (readonly [path: string, words: string])[] {
  const options = command.options.flatMap(({ long }) => long ?? []);
  const [first = [], ...further] = command.registeredArguments.map(({ argChoices = [] }) => argChoices);
  const names = command.commands.map((one) => one.name());
  const words = `"${path.join(" ")}"`;
  const own = [words, [...names, ...first, ...options].join(" ")] as const;
  // Behind words that are nobody's to complete, as the bot in `moa held BOT list`.
  const later = [`${words}\\ *`, [...further.flat(), ...options].join(" ")] as const;
  const ownToo = command.registeredArguments.length > 0 ? [own, later] : [own];
  return [...ownToo, ...command.commands.flatMap((one) => wordsAfter(one, [...path, one.name()]))];
}
