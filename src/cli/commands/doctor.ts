import { access, constants, statfs } from "node:fs/promises";
import { arch, platform, release } from "node:os";
import { dirname } from "node:path";
import { packageVersion } from "../../foundation/index.ts";
import { defineCommand } from "../command.ts";
import { explain } from "../failure.ts";
import { formatBytes, printable } from "../format.ts";
import type { Session } from "../session.ts";
import { formatFields } from "../table.ts";

type State = "ok" | "note" | "bad";

/** One thing that was looked at. A finding is `bad`; a `note` is worth knowing and fine. */
interface Check {
  readonly name: string;
  readonly state: State;
  readonly detail: string;
  readonly hint?: string | undefined;
}

const DISK_FREE_MIN_BYTES = 1 << 30;
const GIT_TIMEOUT_MS = 5000;
const MARKS: Readonly<Record<State, string>> = { ok: "ok", note: "--", bad: "!!" };

/** `waybill doctor`: is everything in order here? Fit to be pasted into a report: it knows no secrets. */
export const command = defineCommand({
  name: "doctor",
  summary: "Check the installation and the project",
  description:
    "Looks at Node, the platform, the project, its metadata store, the disk, the engine and git. Prints no\n" +
    "secrets and no values of environment variables, so its output can go into a report.",
  examples: [
    { line: "doctor", does: "check everything" },
    { line: "doctor --json", does: "the same as data" },
  ],
  run: async ({ session }) => {
    const { findHome } = await import("../home.ts");
    const home = findHome(session);
    const checks = [
      checkNode(),
      {
        name: "platform",
        state: "ok",
        detail: `${platform()} ${release()} ${arch()}`,
      } satisfies Check,
      await checkProject(home),
      ...(home === undefined ? [] : [await checkStore(session)]),
      await checkDisk(home ?? process.cwd()),
      await checkEngine(session),
      await checkGit(session),
    ];
    const bad = checks.filter(({ state }) => state === "bad");
    const { terminal } = session;
    const lines = checks.map(({ name, state, detail, hint }): [string, string] => [
      `${mark(state, terminal)}  ${name}`,
      printable(detail) + (hint === undefined || state === "ok" ? "" : ` ${hint}`),
    ]);
    return {
      text: `waybill ${packageVersion()}\n${formatFields(lines)}`,
      json: { version: packageVersion(), ok: bad.length === 0, checks },
      exitCode: bad.length === 0 ? 0 : 3,
    };
  },
});

function mark(state: State, terminal: Session["terminal"]): string {
  const style = state === "ok" ? "green" : state === "bad" ? "red" : "yellow";
  return terminal.style(style, MARKS[state]);
}

function checkNode(): Check {
  const major = Number(process.versions.node.split(".")[0]);
  return major >= 24
    ? { name: "node", state: "ok", detail: process.version }
    : {
        name: "node",
        state: "bad",
        detail: process.version,
        hint: "Waybill needs Node 24 or newer.",
      };
}

async function checkProject(home: string | undefined): Promise<Check> {
  if (home === undefined) {
    return {
      name: "project",
      state: "note",
      detail: "none here.",
      hint: 'Run "waybill init" to make one.',
    };
  }
  try {
    await access(home, constants.R_OK | constants.W_OK | constants.X_OK);
    return { name: "project", state: "ok", detail: home };
  } catch {
    return {
      name: "project",
      state: "bad",
      detail: `${home} cannot be read and written by this user.`,
      hint: "Check its owner and permissions.",
    };
  }
}

async function checkStore(session: Session): Promise<Check> {
  try {
    const { openProject } = await import("../project.ts");
    const { store } = await openProject(session);
    const version = await store.snapshot(async (_, rows) => {
      const [row] = await rows.all<{ schema_version: bigint }>(
        "SELECT schema_version FROM MLMDEnv",
        [],
      );
      return row?.schema_version;
    });
    return {
      name: "store",
      state: "ok",
      detail: `${store.location}, ML Metadata's schema ${version}`,
    };
  } catch (caught) {
    const { message, hint } = explain(caught);
    return { name: "store", state: "bad", detail: message, hint };
  }
}

async function checkDisk(folder: string): Promise<Check> {
  const { bavail, bsize } = await statfs(folder).catch(() => statfs(dirname(folder)));
  const freeBytes = bavail * bsize;
  const isEnough = freeBytes >= DISK_FREE_MIN_BYTES;
  return {
    name: "disk",
    state: isEnough ? "ok" : "bad",
    detail: `${formatBytes(freeBytes)} free`,
    ...(isEnough ? {} : { hint: "Statistics and tables need room for temporary files." }),
  };
}

async function checkEngine(session: Session): Promise<Check> {
  try {
    const { openEngine } = await import("../../engine/index.ts");
    await using engine = await openEngine();
    const [row] = await engine.rows("SELECT version() AS version", { signal: session.signal });
    return { name: "engine", state: "ok", detail: `duckdb ${String(row?.["version"])}` };
  } catch (caught) {
    return {
      name: "engine",
      state: "bad",
      detail: explain(caught).message,
      hint: "Install again for this platform: its native package may be missing.",
    };
  }
}

async function checkGit(session: Session): Promise<Check> {
  const { execFile } = await import("node:child_process");
  const { promisify } = await import("node:util");
  try {
    const { stdout } = await promisify(execFile)("git", ["--version"], {
      timeout: GIT_TIMEOUT_MS,
      signal: session.signal,
    });
    return { name: "git", state: "ok", detail: stdout.trim().replace("git version ", "") };
  } catch {
    return {
      name: "git",
      state: "note",
      detail: "not found.",
      hint: "Without it, steps are recorded without a code version.",
    };
  }
}
