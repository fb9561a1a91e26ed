import { styleText } from "node:util";

/** The part of a stream that a terminal needs, so that tests can bring their own. */
export type OutputStream = Pick<
  NodeJS.WriteStream,
  "write" | "on" | "off" | "once" | "isTTY" | "columns" | "destroyed"
>;

type Style = "bold" | "dim" | "red" | "green" | "yellow" | "cyan";

const DEFAULT_COLUMNS = 80;
const CLEAR_LINE = "\r\u001b[2K";

/**
 * stdout for the answer and stderr for everything else, which share a screen: the one status line of
 * stderr is wiped before anything else is written.
 */
export class Terminal {
  readonly #stdout: OutputStream;
  readonly #stderr: OutputStream;
  #statusShown = false;
  #closed = false;

  /** @param onClosed is called once when whoever reads stdout has gone (a pipe into `head`) */
  constructor(stdout: OutputStream, stderr: OutputStream, onClosed: () => void) {
    this.#stdout = stdout;
    this.#stderr = stderr;
    stdout.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EPIPE" && error.code !== "ERR_STREAM_DESTROYED") throw error;
      if (this.#closed) return;
      this.#closed = true;
      onClosed();
    });
    // Nobody is left to tell when stderr is gone.
    stderr.on("error", () => {});
  }

  /** Whether stdout is a terminal: a person reads the answer. */
  get isInteractive(): boolean {
    return this.#stdout.isTTY === true;
  }

  /** Whether stderr is a terminal: a status line can be drawn and wiped. */
  get hasStatusLine(): boolean {
    return this.#stderr.isTTY === true && process.env["TERM"] !== "dumb";
  }

  /** Whether a question can be put to a person. */
  get canAsk(): boolean {
    return process.stdin.isTTY === true && this.#stderr.isTTY === true;
  }

  /** The width of the screen that the answer goes to, or undefined where it is no terminal. */
  get columns(): number | undefined {
    return this.isInteractive ? (this.#stdout.columns ?? DEFAULT_COLUMNS) : undefined;
  }

  /** Whether whoever reads stdout has gone. */
  get isClosed(): boolean {
    return this.#closed;
  }

  /** Writes to stdout, waiting while its reader is slower. Does nothing once the reader has gone. */
  async write(text: string | Uint8Array): Promise<void> {
    if (this.#closed || text.length === 0) return;
    if (this.isInteractive) this.clearStatus();
    if (this.#stdout.write(text)) return;
    await new Promise<void>((resolve) => {
      const settle = () => {
        this.#stdout.off("drain", settle);
        this.#stdout.off("error", settle);
        resolve();
      };
      this.#stdout.once("drain", settle);
      this.#stdout.once("error", settle);
    });
  }

  /** Writes lines to stderr. */
  say(text: string): void {
    this.clearStatus();
    this.#stderr.write(`${text}\n`);
  }

  /** Draws the status line, cut to the width of the screen. */
  showStatus(text: string, cut: (text: string, width: number) => string): void {
    const width = (this.#stderr.columns ?? DEFAULT_COLUMNS) - 1;
    this.#stderr.write(CLEAR_LINE + cut(text, width));
    this.#statusShown = true;
  }

  clearStatus(): void {
    if (!this.#statusShown) return;
    this.#stderr.write(CLEAR_LINE);
    this.#statusShown = false;
  }

  /** Asks for a yes or no on stderr; anything but yes is no. */
  async confirm(question: string, signal: AbortSignal): Promise<boolean> {
    this.clearStatus();
    // Loaded when somebody is asked: every command starts faster without it.
    const { createInterface } = await import("node:readline/promises");
    const lines = createInterface({ input: process.stdin, output: process.stderr });
    try {
      const answer = await lines.question(`${question} [y/N] `, { signal });
      return /^y(es)?$/i.test(answer.trim());
    } finally {
      lines.close();
    }
  }

  /** Styled for stdout: as it is unless stdout is a terminal that wants colour. */
  style(style: Style | readonly Style[], text: string): string {
    return this.#styled(this.#stdout, style, text);
  }

  /** Styled for stderr. */
  styleTalk(style: Style | readonly Style[], text: string): string {
    return this.#styled(this.#stderr, style, text);
  }

  #styled(stream: OutputStream, style: Style | readonly Style[], text: string): string {
    if (!wantsColour(stream)) return text;
    return styleText(typeof style === "string" ? style : [...style], text, {
      validateStream: false,
    });
  }
}

/** NO_COLOR of any value but the empty one forbids colour; FORCE_COLOR asks for it off a terminal. */
function wantsColour(stream: OutputStream): boolean {
  if (process.env["NO_COLOR"]) return false;
  const forced = process.env["FORCE_COLOR"];
  if (forced !== undefined) return forced !== "0" && forced !== "false";
  return stream.isTTY === true && process.env["TERM"] !== "dumb";
}
