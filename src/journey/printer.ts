/** Takes a line of text. */
export type Print = (line: string) => void;

const NAME_WIDTH = 22;
const CELL_WIDTH = 20;
const COMMAND_WIDTH = 40;

/** Prints the story: a heading a chapter, a line a step with its time, details below it. */
export class Printer {
  readonly #print: Print;
  readonly #startedMs = performance.now();
  #markMs = performance.now();

  constructor(print: Print) {
    this.#print = print;
  }

  heading(title: string, what: string): void {
    this.#print("");
    this.#print(`${title}: ${what}`);
  }

  /** A step that is done; its time is what passed since the last line. */
  row(isReused: boolean, [name = "", ...cells]: readonly string[]): void {
    const nowMs = performance.now();
    const seconds = `${((nowMs - this.#markMs) / 1000).toFixed(2)} s`;
    this.#markMs = nowMs;
    const shown = cells.filter((cell) => cell !== "");
    const text = shown
      .map((cell, index) => (index === shown.length - 1 ? cell : cell.padEnd(CELL_WIDTH)))
      .join("  ");
    const state = isReused ? "reused" : "done  ";
    this.#print(`  ${state} ${seconds.padStart(7)}  ${name.padEnd(NAME_WIDTH)} ${text}`);
  }

  detail(text: string): void {
    this.#print(`                    ${text}`);
  }

  note(text: string): void {
    this.#print(`                  ${text}`);
  }

  /** Where to look next: commands of ours, and what each shows. */
  ending(commands: readonly (readonly [command: string, what: string])[]): void {
    const seconds = ((performance.now() - this.#startedMs) / 1000).toFixed(1);
    this.#print("");
    this.#print(`Done in ${seconds} s. Every step is recorded; look at it with:`);
    for (const [command, what] of commands) {
      this.#print(`  npx waybill ${command.padEnd(COMMAND_WIDTH)} ${what}`.trimEnd());
    }
  }
}
