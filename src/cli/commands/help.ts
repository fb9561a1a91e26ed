import { wrongUse } from "../arguments.ts";
import { defineCommand } from "../command.ts";
import { GROUPS, resolveCommand } from "../commands.ts";

/** `waybill help`: all commands, one of them, or the whole guide. */
export const command = defineCommand({
  name: "help",
  summary: "List every command, or explain one",
  arguments: { words: { summary: "The command to explain", count: "any", value: "COMMAND" } },
  options: {
    markdown: { type: "boolean", summary: "Print the whole guide as Markdown" },
  },
  examples: [
    { line: "help", does: "every command" },
    { line: "help doctor", does: "one command" },
    { line: "help --markdown > cli.md", does: "the guide, from the definitions" },
  ],
  run: async ({ arguments: { words }, options, session: { terminal } }) => {
    const help = await import("../help.ts");
    const heading = (text: string) => terminal.style("bold", text);
    if (options.markdown) {
      const text = await help.markdownHelp();
      return { text, json: { markdown: text } };
    }
    if (words.length > 0) {
      const resolution = resolveCommand(words);
      if (resolution.kind === "command") {
        const { command: found } = await resolution.entry.load();
        const text = help.commandHelp(found, resolution.entry.aliases ?? [], heading);
        return { text, json: help.commandDocument(found) };
      }
      if (resolution.kind === "group" && resolution.unknownVerb === undefined) {
        const found = await help.loadCommands(resolution.name);
        return {
          text: await help.groupHelp(resolution.name, heading),
          json: { name: resolution.name, commands: found.map(help.commandDocument) },
        };
      }
      throw wrongUse(
        "help",
        `waybill has no command "${words.join(" ")}".`,
        'Run "waybill help" for every command.',
      );
    }
    const commands = await help.loadCommands();
    return {
      text: await help.overviewHelp(heading),
      json: {
        commands: commands.map(help.commandDocument),
        groups: GROUPS,
        exitCodes: Object.fromEntries(help.EXIT_CODES),
      },
    };
  },
});
