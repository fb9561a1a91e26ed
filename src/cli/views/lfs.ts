import { WaybillError } from "../../foundation/index.ts";
import type {
  ConfigScope,
  LfsRepository,
  MigrateOptions,
  ObjectId,
  PushResult,
} from "../../versioning/lfs/index.ts";
import { wrongUse } from "../arguments.ts";
import type { Answer } from "../command.ts";
import { formatBytes, formatQuantity, printable } from "../format.ts";
import type { Session } from "../session.ts";

/** What git-lfs ends with when objects could not be transferred. */
const TRANSFER_FAILED = 2;

/** The repository that the command works in. */
export async function openLfs(): Promise<LfsRepository> {
  const { openLfsRepository } = await import("../../versioning/lfs/index.ts");
  return openLfsRepository(process.cwd());
}

/** What transfers take from the session. */
export function transferOptions({ progress, signal }: Session, remote?: string) {
  return { progress, signal, remote };
}

/** Options of commands that take only some of the files. */
export const PATH_OPTIONS = {
  include: { type: "string", short: "I", value: "PATHS", summary: "Only these, comma-separated" },
  exclude: { type: "string", short: "X", value: "PATHS", summary: "None of these" },
} as const;

/** Reads {@link PATH_OPTIONS}. */
export async function pathsOf(options: {
  readonly include: string | undefined;
  readonly exclude: string | undefined;
}): Promise<{ include?: readonly string[]; exclude?: readonly string[] }> {
  const { patternsOf } = await import("../../versioning/lfs/index.ts");
  return {
    ...(options.include === undefined ? {} : { include: patternsOf(options.include) }),
    ...(options.exclude === undefined ? {} : { exclude: patternsOf(options.exclude) }),
  };
}

/** What was transferred as a sentence, and what was not as warnings; exit code 2 when anything failed. */
export function transferAnswer(
  done: string,
  result: {
    readonly transferred: readonly ObjectId[];
    readonly failed: readonly { readonly object: ObjectId; readonly error: WaybillError }[];
  },
  session: Session,
  more: Readonly<Record<string, unknown>> = {},
): Answer {
  const { transferred, failed } = result;
  for (const { error } of failed) {
    session.log.log("warn", printable(error.message));
  }
  const sizeBytes = transferred.reduce((sum, { size }) => sum + size, 0);
  const hint = failed.find(({ error }) => error.hint !== undefined)?.error.hint;
  const missed =
    failed.length === 0
      ? ""
      : ` ${formatQuantity(failed.length, "object")} failed.${hint === undefined ? "" : ` ${hint}`}`;
  return {
    json: {
      transferred,
      failed: failed.map(({ object, error }) => ({
        ...object,
        code: error.code,
        message: error.message,
      })),
      ...more,
    },
    note: `${done} ${formatQuantity(transferred.length, "object")}, ${formatBytes(sizeBytes)}.${missed}`,
    exitCode: failed.length === 0 ? 0 : TRANSFER_FAILED,
  };
}

/** Text of standard input, which git and people feed. */
export async function readInput(): Promise<string> {
  const chunks = await Array.fromAsync(process.stdin);
  return Buffer.concat(chunks).toString("utf8");
}

/** A size as git-lfs writes it: powers of 1,000. */
export function formatLfsSize(sizeBytes: number): string {
  const units = ["B", "KB", "MB", "GB", "TB", "PB"];
  const power = sizeBytes < 1 ? 0 : Math.min(Math.floor(Math.log10(sizeBytes) / 3), 5);
  const value = sizeBytes / 1000 ** power;
  return `${value.toFixed(power > 0 && value < 10 ? 1 : 0)} ${units[power]}`;
}

/** What came of a push; others' locks end it like git-lfs's. */
export function pushAnswer(result: PushResult, session: Session): Answer {
  const { lockedByOthers, lockedByUs } = result;
  const locks = { lockedByOthers, lockedByUs };
  if (lockedByOthers.length > 0) {
    for (const { path, owner } of lockedByOthers) {
      session.log.log("warn", printable(`${path} is locked by ${owner}`));
    }
    return {
      json: { transferred: [], failed: [], ...locks },
      note: "Nothing was pushed. Ask them to unlock, or take the changes of these files back.",
      exitCode: TRANSFER_FAILED,
    };
  }
  for (const { path } of lockedByUs) {
    session.log.log("info", printable(`${path} is locked by you; consider to unlock it`));
  }
  return transferAnswer("Pushed", result, session, locks);
}

/** Whose git settings a command changes. */
export const SCOPE_OPTIONS = {
  local: { type: "boolean", summary: "The settings of this repository" },
  worktree: { type: "boolean", summary: "The settings of this work tree" },
  system: { type: "boolean", summary: "The settings of this machine" },
} as const;

/** Reads {@link SCOPE_OPTIONS}; without any, the user's settings. */
export function scopeOf(
  name: string,
  options: { readonly local: boolean; readonly worktree: boolean; readonly system: boolean },
): ConfigScope {
  const { local, worktree, system } = options;
  const given = (["local", "worktree", "system"] as const).filter(
    (scope) => ({ local, worktree, system })[scope],
  );
  if (given.length > 1) throw wrongUse(name, `--${given.join(" and --")} exclude each other.`);
  return given[0] ?? "global";
}

/** The repository when there is one; only a command for one repository insists on it. */
export async function tryOpenLfs(options: {
  readonly local: boolean;
  readonly worktree: boolean;
}): Promise<LfsRepository | undefined> {
  try {
    return await openLfs();
  } catch (error) {
    const isOutside = error instanceof WaybillError && error.code === "failed_precondition";
    if (!isOutside || options.local || options.worktree) throw error;
    return undefined;
  }
}

/** Options of the commands that rewrite history. */
export const MIGRATE_OPTIONS = {
  ...PATH_OPTIONS,
  everything: { type: "boolean", summary: "All branches and tags, with what is pushed" },
} as const;

/** Reads {@link MIGRATE_OPTIONS}. */
export async function migrateOptions(
  branches: readonly string[],
  options: {
    readonly include: string | undefined;
    readonly exclude: string | undefined;
    readonly everything: boolean;
  },
  { progress, signal }: Session,
): Promise<MigrateOptions> {
  const { include = [], exclude = [] } = await pathsOf(options);
  return {
    include,
    exclude,
    everything: options.everything,
    ...(branches.length === 0 ? {} : { branches }),
    progress,
    signal,
  };
}
