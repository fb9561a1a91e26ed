import {
  appendFileSync,
  closeSync,
  fstatSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
} from "node:fs";
import { WaybillError, writeFileAtomically } from "../../foundation/index.ts";

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

/**
 * Takes a line out of a `.gitignore`; a file that is empty then is removed.
 * @returns whether it was there
 */
export async function removeGitignoreLine(path: string, line: string): Promise<boolean> {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch {
    return false;
  }
  const lines = text.split("\n");
  const kept = lines.filter((candidate) => candidate.trim() !== line.trim());
  if (kept.length === lines.length) return false;
  if (kept.every((candidate) => candidate === "")) rmSync(path, { force: true });
  else await writeFileAtomically(path, kept.join("\n"));
  return true;
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
