import { nearest } from "../../foundation/index.ts";
import { wrongUse } from "../arguments.ts";
import { defineCommand } from "../command.ts";

// Each script asks the program itself, so that it never has to be made anew after an update.
const SCRIPTS: Readonly<Record<string, string>> = {
  bash: `_waybill() {
  local line
  COMPREPLY=()
  while IFS= read -r line; do
    COMPREPLY+=("\${line%%$'\\t'*}")
  done < <("\${COMP_WORDS[0]}" __complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o bashdefault -o default -F _waybill waybill
`,
  zsh: `#compdef waybill
_waybill() {
  local line
  local -a found
  for line in "\${(@f)$("\${words[1]}" __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
    [[ -n "$line" ]] && found+=("\${\${line%%$'\\t'*}//:/\\\\:}:\${line#*$'\\t'}")
  done
  if (( \${#found} )); then _describe waybill found; else _files; fi
}
compdef _waybill waybill
`,
  fish: `complete -c waybill -a '(set -l words (commandline -opc) (commandline -ct); waybill __complete -- $words[2..] 2>/dev/null)'
`,
};

/** `waybill completion SHELL`: a script for the shell's start-up file. */
export const command = defineCommand({
  name: "completion",
  summary: "Print the completion script of a shell",
  arguments: { shell: { summary: "One of bash, zsh, fish" } },
  examples: [
    { line: "completion bash > ~/.local/share/bash-completion/completions/waybill", does: "bash" },
    { line: "completion zsh > ~/.zfunc/_waybill", does: "zsh (that folder is in $fpath)" },
    { line: "completion fish > ~/.config/fish/completions/waybill.fish", does: "fish" },
  ],
  complete: async () => Object.keys(SCRIPTS),
  run: async ({ arguments: { shell } }) => {
    const script = SCRIPTS[shell];
    if (script === undefined) {
      const [suggestion] = nearest(shell, Object.keys(SCRIPTS));
      throw wrongUse(
        "completion",
        `There is no completion for the shell "${shell}"; there is for bash, zsh and fish.`,
        suggestion === undefined ? undefined : `Did you mean "waybill completion ${suggestion}"?`,
      );
    }
    return { text: script, json: { shell, script } };
  },
});
