import { usageOf } from "./arguments.ts";
import { type Command, flagOf, GLOBAL_OPTIONS, type Option } from "./command.ts";
import { COMMANDS, entriesOf, GROUPS, groupOf } from "./commands.ts";
import { formatFields } from "./table.ts";

/** Sets headings off; the terminal's bold, or nothing in a file. */
export type Heading = (text: string) => string;

/** The exit codes of every command, the same here, in the documents and in JSON. */
export const EXIT_CODES: readonly (readonly [code: number, meaning: string])[] = [
  [0, "ok"],
  [1, "failed"],
  [2, "wrong use"],
  [3, "done, with findings (anomalies, drift, failed checks)"],
  [4, "not authorised"],
  [5, "not found"],
  [6, "conflict, retry"],
  [7, "corrupt data"],
  [8, "unreachable"],
  [130, "interrupted"],
];

/** The main steps from a raw file to a served feature; those whose command is there are shown. */
const JOURNEY: readonly {
  readonly command: string;
  readonly line: string;
  readonly does: string;
}[] = [
  { command: "demo", line: "demo", does: "the whole journey, on real data" },
  { command: "init", line: "init", does: "make this folder a project" },
  { command: "lake put", line: "lake put trips.csv", does: "land a raw file, byte for byte" },
  { command: "add", line: "add trips.csv", does: "version it, in DVC's format" },
  {
    command: "statistics",
    line: "statistics trips.csv -o stats.pbtxt",
    does: "count what is in it",
  },
  {
    command: "schema infer",
    line: "schema infer stats.pbtxt -o schema.pbtxt",
    does: "write down what is expected of it",
  },
  {
    command: "validate",
    line: "validate --stats stats.pbtxt --schema schema.pbtxt",
    does: "find what breaks that",
  },
  {
    command: "warehouse load",
    line: "warehouse load trips trips.csv",
    does: "load it into an Iceberg table",
  },
  { command: "sql", line: 'sql "SELECT count(*) FROM trips"', does: "ask it, as of any time" },
  {
    command: "features apply",
    line: "features apply features.yaml",
    does: "define features over the table",
  },
  {
    command: "features materialize",
    line: "features materialize",
    does: "put them where they are served",
  },
  {
    command: "lineage",
    line: "lineage lake:trips.csv --down",
    does: "what was made from it",
  },
  { command: "serve", line: "serve", does: "answer Python clients and the browser" },
];

/** What `waybill` alone says: the journey, not every command. */
export function journeyHelp(heading: Heading): string {
  const steps = stepsThatAreThere();
  return [
    "waybill follows data from a raw file to a served feature, and says where every value came from.",
    ...(steps.length === 0
      ? []
      : [
          "",
          heading("The journey"),
          indent(formatFields(steps.map(({ line, does }) => [`waybill ${line}`, does]))),
        ]),
    "",
    heading("More"),
    indent(
      formatFields([
        ["waybill help", "every command"],
        ["waybill COMMAND --help", "one command, with examples"],
        ["waybill doctor", "is everything in order here?"],
      ]),
    ),
  ].join("\n");
}

/** The same as data. */
export function journeyDocument(): Readonly<Record<string, unknown>> {
  return { journey: stepsThatAreThere() };
}

/** Every command with its summary, by group. Loads all of them. */
export async function overviewHelp(heading: Heading): Promise<string> {
  const commands = await loadCommands();
  const sections = sectionsOf(commands).map(([title, own]) => {
    const rows = own.map(({ name, summary }) => [name, summary] as const);
    return `${heading(title)}\n${indent(formatFields(rows))}`;
  });
  return [
    `Usage: waybill COMMAND [OPTIONS]`,
    ...sections,
    `${heading("Options of every command")}\n${indent(optionLines(GLOBAL_OPTIONS))}`,
    `${heading("Exit codes")}\n${indent(exitCodeLines())}`,
  ].join("\n\n");
}

/** The verbs of a group. */
export async function groupHelp(group: string, heading: Heading): Promise<string> {
  const commands = await loadCommands(group);
  return [
    `Usage: waybill ${group} VERB [OPTIONS]`,
    `${GROUPS[group]}.`,
    `${heading("Verbs")}\n${indent(formatFields(commands.map(({ name, summary }) => [name, summary])))}`,
    `Run "waybill ${group} VERB --help" for the options and examples of one.`,
  ].join("\n\n");
}

/** All there is to know of one command. */
export function commandHelp(
  command: Command,
  aliases: readonly string[],
  heading: Heading,
): string {
  const argumentRows = Object.entries(command.arguments).map(
    ([key, argument]) => [usageOf(key, argument), argument.summary] as const,
  );
  return [
    `Usage: ${usageLine(command)}`,
    `${command.summary}.${aliases.length === 0 ? "" : ` Also: ${aliases.join(", ")}.`}`,
    ...(command.description === undefined ? [] : [command.description]),
    ...(argumentRows.length === 0
      ? []
      : [`${heading("Arguments")}\n${indent(formatFields(argumentRows))}`]),
    ...(Object.keys(command.options).length === 0
      ? []
      : [`${heading("Options")}\n${indent(optionLines(command.options))}`]),
    `${heading("Options of every command")}\n${indent(optionLines(GLOBAL_OPTIONS))}`,
    `${heading("Examples")}\n${indent(exampleLines(command))}`,
    `${heading("Exit codes")}\n${indent(exitCodeLines())}`,
  ].join("\n\n");
}

/** The guide to the command line, in Markdown, from the definitions alone. */
export async function markdownHelp(): Promise<string> {
  const commands = await loadCommands();
  const plain: Heading = (text) => text;
  const sections = sectionsOf(commands).map(([title, own]) =>
    [`## ${title}`, ...own.map(commandMarkdown)].join("\n\n"),
  );
  return [
    "# The command line",
    "This page is printed by `waybill help --markdown`; change the definitions in `src/cli/commands`.",
    `\`\`\`text\n${journeyHelp(plain)}\n\`\`\``,
    "stdout is the answer, stderr everything else. A failure says what is wrong and where, then what to" +
      " do about it; with `--json` it is also one document on stdout:" +
      ' `{"error": {"code", "exitCode", "message", "hint"}}`.',
    `## Options of every command\n\n${optionTable(GLOBAL_OPTIONS)}`,
    `## Exit codes\n\n| code | meaning |\n|---|---|\n${EXIT_CODES.map(([code, meaning]) => `| ${code} | ${meaning} |`).join("\n")}`,
    ...sections,
  ].join("\n\n");
}

/** Loads the commands that are listed for people, of one group or all. */
export async function loadCommands(group?: string): Promise<Command[]> {
  const entries = group === undefined ? COMMANDS.filter(({ hidden }) => !hidden) : entriesOf(group);
  return Promise.all(entries.map(async ({ load }) => (await load()).command));
}

function stepsThatAreThere(): typeof JOURNEY {
  return JOURNEY.filter(({ command }) => COMMANDS.some(({ name }) => name === command));
}

/** Words that dvc's users know; they are listed together. */
const DVC_WORDS: ReadonlySet<string> = new Set([
  "add",
  "checkout",
  "commit",
  "dag",
  "diff",
  "fetch",
  "gc",
  "move",
  "pull",
  "push",
  "remove",
  "repro",
  "status",
  "unprotect",
]);

/** Commands under headings, in the order in which they are listed. */
function sectionsOf(commands: readonly Command[]): [title: string, commands: Command[]][] {
  const sections = new Map<string, Command[]>(
    ["Commands", "Versions of data, in dvc's words", ...Object.entries(GROUPS).map(groupTitle)].map(
      (title) => [title, []],
    ),
  );
  for (const command of commands) {
    const group = groupOf(command.name);
    const about = group === undefined ? undefined : GROUPS[group];
    const title =
      group !== undefined && about !== undefined
        ? groupTitle([group, about])
        : DVC_WORDS.has(command.name)
          ? "Versions of data, in dvc's words"
          : "Commands";
    sections.get(title)?.push(command);
  }
  return [...sections].filter(([, own]) => own.length > 0);
}

function groupTitle([group, about]: readonly [group: string, about: string]): string {
  return `${group}: ${about}`;
}

function commandMarkdown(command: Command): string {
  const argumentRows = Object.entries(command.arguments).map(
    ([key, argument]) => `| \`${usageOf(key, argument)}\` | ${escapeCell(argument.summary)} |`,
  );
  return [
    `### waybill ${command.name}`,
    `${command.summary}.`,
    ...(command.description === undefined ? [] : [command.description]),
    `\`\`\`sh\n${command.examples.map(({ line, does }) => `# ${does}\nwaybill ${line}`).join("\n")}\n\`\`\``,
    ...(argumentRows.length === 0 ? [] : [`| argument | |\n|---|---|\n${argumentRows.join("\n")}`]),
    ...(Object.keys(command.options).length === 0 ? [] : [optionTable(command.options)]),
  ].join("\n\n");
}

function usageLine(command: Command): string {
  const words = Object.entries(command.arguments).map(([key, argument]) => usageOf(key, argument));
  const required = Object.entries(command.options)
    .filter(([, option]) => option.required)
    .map(([key, option]) => `--${flagOf(key)} ${option.value ?? "VALUE"}`);
  return ["waybill", command.name, ...words, ...required, "[OPTIONS]"].join(" ");
}

function optionLines(options: Readonly<Record<string, Option>>): string {
  return formatFields(
    Object.entries(options).map(([key, option]) => [spelling(key, option), describe(option)]),
  );
}

function optionTable(options: Readonly<Record<string, Option>>): string {
  const rows = Object.entries(options).map(
    ([key, option]) => `| \`${spelling(key, option).trim()}\` | ${escapeCell(describe(option))} |`,
  );
  return `| option | |\n|---|---|\n${rows.join("\n")}`;
}

function spelling(key: string, option: Option): string {
  const short = option.short === undefined ? "    " : `-${option.short}, `;
  const negated = option.type === "boolean" && option.default === true ? "no-" : "";
  const value = option.type === "boolean" ? "" : ` ${option.value ?? "VALUE"}`;
  return `${short}--${negated}${flagOf(key)}${value}`;
}

function describe(option: Option): string {
  const notes = [
    ...(option.choices === undefined ? [] : [`one of ${option.choices.join(", ")}`]),
    ...(option.multiple ? ["may be repeated"] : []),
    ...(option.default === undefined || option.type === "boolean"
      ? []
      : [`default ${option.default}`]),
  ];
  return notes.length === 0 ? option.summary : `${option.summary} (${notes.join("; ")})`;
}

function exampleLines(command: Command): string {
  return command.examples.map(({ line, does }) => `# ${does}\nwaybill ${line}`).join("\n");
}

function exitCodeLines(): string {
  return EXIT_CODES.map(([code, meaning]) => `${String(code).padStart(3)}  ${meaning}`).join("\n");
}

function indent(text: string): string {
  return text.replaceAll(/^(?=.)/gm, "  ");
}

function escapeCell(text: string): string {
  return text.replaceAll("|", "\\|");
}

/** A command's definition as data. */
export function commandDocument(command: Command): Readonly<Record<string, unknown>> {
  const { name, summary, description, examples } = command;
  const options = Object.entries(command.options).map(([key, option]) => ({
    ...option,
    name: flagOf(key),
  }));
  const positionals = Object.entries(command.arguments).map(([key, argument]) => ({
    name: key,
    ...argument,
  }));
  return { name, summary, description, arguments: positionals, options, examples };
}
