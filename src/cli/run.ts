import { systemClock, WaybillError } from "../foundation/index.ts";
import { parseArguments, wrongUse } from "./arguments.ts";
import { type Answer, type Command, GLOBAL_OPTIONS } from "./command.ts";
import { type Entry, resolveCommand, suggestCommand } from "./commands.ts";
import { documentOf, explain, sayFailure } from "./failure.ts";
import { toJsonText } from "./format.ts";
import { TerminalProgress } from "./progress.ts";
import { type Session, terminalLog } from "./session.ts";
import { Terminal } from "./terminal.ts";

const INTERRUPTED = 130;
const WRONG_USE = 2;
const STOP_WITHIN_MS = 10_000;

/** Runs a command line with this process's streams and signals; resolves to the exit code. */
export async function runCommandLine(argv: readonly string[]): Promise<number> {
  const controller = new AbortController();
  const terminal = new Terminal(process.stdout, process.stderr, () =>
    controller.abort(new WaybillError("cancelled", "The reader of the output has gone.")),
  );
  const interrupt = () => {
    // The second time is an order, and whatever is on disk survives a kill by design.
    if (controller.signal.aborted) process.exit(INTERRUPTED);
    controller.abort(new WaybillError("cancelled", "Interrupted."));
    // What hangs in a read that nothing ends is not waited for longer than a person would.
    setTimeout(() => process.exit(INTERRUPTED), STOP_WITHIN_MS).unref();
  };
  const isVerbose = argv.includes("--verbose") || argv.includes("-v");
  const crash = (caught: unknown) => {
    sayFailure(terminal, explain(caught), isVerbose);
    process.exit(1);
  };
  process.on("SIGINT", interrupt);
  process.on("SIGTERM", interrupt);
  process.on("uncaughtException", crash);
  try {
    return await dispatch(argv, terminal, controller.signal);
  } catch (caught) {
    // A reader that has gone is nobody's failure.
    if (terminal.isClosed) return 0;
    const error = controller.signal.aborted
      ? new WaybillError("cancelled", "Interrupted.", { cause: caught })
      : explain(caught);
    const document = documentOf(error);
    if (wantsJson(argv)) await terminal.write(`${toJsonText(document)}\n`);
    sayFailure(terminal, error, isVerbose);
    return document.error.exitCode;
  } finally {
    process.off("SIGINT", interrupt);
    process.off("SIGTERM", interrupt);
    process.off("uncaughtException", crash);
  }
}

async function dispatch(
  argv: readonly string[],
  terminal: Terminal,
  signal: AbortSignal,
): Promise<number> {
  const { leading, words } = splitLeadingOptions(argv);
  const asksForHelp = leading.some((word) => word === "--help" || word === "-h");
  const heading = (text: string) => terminal.style("bold", text);
  if (words.length === 0) {
    const { journeyDocument, journeyHelp, overviewHelp } = await import("./help.ts");
    if (wantsJson(leading)) {
      await terminal.write(`${toJsonText(journeyDocument())}\n`);
      return 0;
    }
    const text = asksForHelp ? await overviewHelp(heading) : journeyHelp(heading);
    await terminal.write(`${text}\n`);
    return 0;
  }
  const resolution = resolveCommand(words);
  switch (resolution.kind) {
    case "command":
      return runEntry(resolution.entry, [...leading, ...resolution.rest], terminal, signal);
    case "group": {
      const { name, unknownVerb } = resolution;
      if (unknownVerb !== undefined) {
        throw unknownCommand(`"waybill ${name}" has no verb "${unknownVerb}".`, words, name);
      }
      const { groupHelp } = await import("./help.ts");
      const text = await groupHelp(name, heading);
      if (asksForHelp || words.includes("--help") || words.includes("-h")) {
        await terminal.write(`${text}\n`);
        return 0;
      }
      terminal.say(text);
      return WRONG_USE;
    }
    case "unknown": {
      const { word } = resolution;
      if (word.startsWith("-")) {
        throw wrongUse("", `waybill has no option "${word}" before a command.`);
      }
      throw unknownCommand(`waybill has no command "${word}".`, words, undefined);
    }
    default:
      return resolution satisfies never;
  }
}

function unknownCommand(
  message: string,
  words: readonly string[],
  group: string | undefined,
): WaybillError {
  const suggestion = suggestCommand(words);
  const help = group === undefined ? "waybill help" : `waybill ${group} --help`;
  const hint =
    suggestion === undefined
      ? `Run "${help}" for what there is.`
      : `Did you mean "waybill ${suggestion}"? "${help}" lists what there is.`;
  return new WaybillError("invalid_argument", message, { hint });
}

async function runEntry(
  entry: Entry,
  words: readonly string[],
  terminal: Terminal,
  signal: AbortSignal,
): Promise<number> {
  const { command } = await entry.load();
  const parsed = parseArguments(command, words);
  if (parsed.options["help"] === true) {
    const { commandDocument, commandHelp } = await import("./help.ts");
    if (parsed.options["json"] === true) {
      await terminal.write(`${toJsonText(commandDocument(command))}\n`);
      return 0;
    }
    const heading = (text: string) => terminal.style("bold", text);
    await terminal.write(`${commandHelp(command, entry.aliases ?? [], heading)}\n`);
    return 0;
  }
  const quiet = parsed.options["quiet"] === true;
  const verbose = parsed.options["verbose"] === true;
  const home = parsed.options["home"];
  using progress = new TerminalProgress(terminal, systemClock, command.name, !quiet);
  await using resources = new AsyncDisposableStack();
  const session: Session = {
    json: parsed.options["json"] === true,
    quiet,
    verbose,
    home: typeof home === "string" ? home : process.env["WAYBILL_HOME"] || undefined,
    signal,
    terminal,
    progress,
    log: terminalLog(terminal, { quiet, verbose }),
    resources,
  };
  session.log.log("debug", `waybill ${command.name}`);
  const answer = await runUntilAborted(command, parsed, session);
  // Awaited here: what the command opened stays open until its rows are printed.
  return await print(answer, session);
}

/** Runs a command; when it is told to stop, it has its say first, but its answer is not one. */
async function runUntilAborted(
  command: Command,
  parsed: ReturnType<typeof parseArguments>,
  session: Session,
): Promise<Answer> {
  const answer = await command.run({
    // The parser made exactly what the command's definitions say.
    arguments: parsed.arguments as never,
    options: parsed.options as never,
    session,
  });
  session.signal.throwIfAborted();
  return answer;
}

async function print(answer: Answer, { json, quiet, terminal, signal }: Session): Promise<number> {
  if (json && answer.jsonLines === undefined) {
    await terminal.write(`${toJsonText(answer.json ?? {}, terminal.isInteractive ? 2 : 0)}\n`);
  } else {
    const text = json ? answer.jsonLines : answer.text;
    if (typeof text === "string") {
      if (text !== "") await terminal.write(`${text.replace(/\n$/, "")}\n`);
    } else if (text !== undefined) {
      for await (const piece of text) {
        signal.throwIfAborted();
        await terminal.write(piece);
      }
    }
  }
  if (answer.note !== undefined && !quiet) terminal.say(answer.note);
  return answer.exitCode ?? 0;
}

/** Global options may stand before the command: `waybill --home DIR -q lake ls`. */
function splitLeadingOptions(argv: readonly string[]): { leading: string[]; words: string[] } {
  const flags = new Set(
    Object.entries(GLOBAL_OPTIONS).flatMap(([name, option]) => [
      `--${name}`,
      ...("short" in option ? [`-${option.short}`] : []),
    ]),
  );
  let next = 0;
  while (next < argv.length) {
    const word = argv[next] ?? "";
    if (!flags.has(word.replace(/=.*$/, ""))) break;
    next += word === "--home" ? 2 : 1;
  }
  return { leading: argv.slice(0, next), words: argv.slice(next) };
}

function wantsJson(argv: readonly string[]): boolean {
  const end = argv.indexOf("--");
  return (end === -1 ? argv : argv.slice(0, end)).includes("--json");
}
