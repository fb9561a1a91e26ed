import { appendFileSync, closeSync, fstatSync, openSync, readSync } from "node:fs";
import { WaybillError } from "../../foundation/index.ts";

/** The line of a `.gitignore` that covers one entry of its folder and nothing else, as dvc writes it. */
export function gitignoreLine(name: string): string {
  return `/${name.replace(/[\\[\]!*#?]/gu, "\\$&")}`;
}

/**
 * Adds a line to a `.gitignore`, at its end. One append, so that two processes adding at once lose nothing.
 * @throws WaybillError when the file cannot be written
 */
export function appendGitignoreLine(path: string, line: string): void {
  try {
    appendFileSync(path, `${endsMidLine(path) ? "\n" : ""}${line}\n`);
  } catch (error) {
    throw WaybillError.from(error);
  }
}

function endsMidLine(path: string): boolean {
  let file: number;
  try {
    file = openSync(path, "r");
  } catch {
    return false;
  }
  try {
    const last = Buffer.alloc(1);
    const { size } = fstatSync(file);
    return size > 0 && readSync(file, last, 0, 1, size - 1) === 1 && last[0] !== 10;
  } finally {
    closeSync(file);
  }
}
