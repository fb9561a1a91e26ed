import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { WaybillError } from "../../foundation/index.ts";

/** Reads a stream by lines and by counts of bytes, as `git fast-export` mixes them. */
export interface FastReader {
  /** The next line without its newline, in bytes as latin1; undefined at the end. */
  line(): Promise<string | undefined>;
  /**
   * The next `count` bytes.
   * @throws WaybillError `data_loss` when the stream ends before
   */
  bytes(count: number): Promise<Buffer>;
}

/** Opens a reader over a stream's chunks. */
export function fastReader(stream: AsyncIterable<Buffer>): FastReader {
  const chunks = stream[Symbol.asyncIterator]();
  let buffer: Buffer = Buffer.alloc(0);

  async function more(): Promise<boolean> {
    const { value, done } = await chunks.next();
    if (done) return false;
    buffer = buffer.length === 0 ? value : Buffer.concat([buffer, value]);
    return true;
  }

  return {
    async line() {
      let newline = buffer.indexOf(10);
      while (newline < 0) {
        if (!(await more())) break;
        newline = buffer.indexOf(10);
      }
      if (newline < 0 && buffer.length === 0) return undefined;
      const end = newline < 0 ? buffer.length : newline;
      const line = buffer.toString("latin1", 0, end);
      buffer = buffer.subarray(end + 1);
      return line;
    },
    async bytes(count) {
      while (buffer.length < count) {
        if (!(await more())) throw new WaybillError("data_loss", "git's stream ended early.");
      }
      const bytes = buffer.subarray(0, count);
      buffer = buffer.subarray(count);
      return bytes;
    },
  };
}

/** Feeds `git fast-import`. */
export interface FastImport extends Disposable {
  write(content: string | Uint8Array): Promise<void>;
  /**
   * Ends the stream and waits until all is imported.
   * @throws WaybillError `failed_precondition` with git's words
   */
  finish(): Promise<void>;
}

/** Starts `git fast-import` in a folder. Nothing it made counts until the stream's `done` came. */
export function fastImport(folder: string): FastImport {
  const child: ChildProcess = spawn("git", ["fast-import", "--quiet", "--force", "--done"], {
    cwd: folder,
    stdio: ["pipe", "ignore", "pipe"],
  });
  let complaint = "";
  child.stderr?.on("data", (chunk: Buffer) => {
    complaint = (complaint + chunk.toString()).slice(-4096);
  });
  const ended = once(child, "close");
  ended.catch(() => {});
  const { stdin } = child;
  stdin?.on("error", () => {});
  const failure = () => {
    const said = complaint.trim().split("\n")[0] ?? "";
    return new WaybillError("failed_precondition", `git fast-import failed: ${said}`);
  };
  return {
    async write(content) {
      const bytes = typeof content === "string" ? Buffer.from(content, "latin1") : content;
      if (stdin === null || !stdin.writable) throw failure();
      if (!stdin.write(bytes)) await Promise.race([once(stdin, "drain"), ended]);
    },
    async finish() {
      stdin?.end();
      const [exitCode] = await ended;
      if (exitCode !== 0) throw failure();
    },
    [Symbol.dispose]() {
      child.kill();
    },
  };
}

/** A path as fast-export writes it: quoted like a C string when it has unusual bytes. */
export function unquotePath(text: string): string {
  if (!text.startsWith('"')) return Buffer.from(text, "latin1").toString("utf8");
  const plain = text.slice(1, -1).replaceAll(/\\([0-7]{3}|.)/gu, (_, sign: string) => {
    if (sign.length === 3) return String.fromCharCode(Number.parseInt(sign, 8));
    return ESCAPES[sign] ?? sign;
  });
  return Buffer.from(plain, "latin1").toString("utf8");
}

const ESCAPES: Readonly<Record<string, string>> = {
  a: "\x07",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
};
