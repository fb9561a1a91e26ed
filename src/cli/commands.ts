import { nearest } from "../foundation/index.ts";
import type { Command } from "./command.ts";

/** A command before its module is loaded. */
export interface Entry {
  readonly name: string;
  /** Other words for the same, shown in its help. */
  readonly aliases?: readonly string[];
  /** Called by shells and by other programs, not listed for people. */
  readonly hidden?: true;
  readonly load: () => Promise<{ readonly command: Command }>;
}

/** Every command, in the order in which help lists them. Loading one loads no other. */
export const COMMANDS: readonly Entry[] = [
  { name: "demo", load: () => import("./commands/demo.ts") },
  { name: "init", load: () => import("./commands/init.ts") },
  { name: "add", load: () => import("./commands/add.ts") },
  { name: "status", load: () => import("./commands/status.ts") },
  { name: "commit", load: () => import("./commands/commit.ts") },
  { name: "checkout", load: () => import("./commands/checkout.ts") },
  { name: "fetch", load: () => import("./commands/fetch.ts") },
  { name: "push", load: () => import("./commands/push.ts") },
  { name: "pull", load: () => import("./commands/pull.ts") },
  { name: "diff", load: () => import("./commands/diff.ts") },
  { name: "gc", load: () => import("./commands/gc.ts") },
  { name: "remove", load: () => import("./commands/remove.ts") },
  { name: "move", load: () => import("./commands/move.ts") },
  { name: "unprotect", load: () => import("./commands/unprotect.ts") },
  { name: "dag", load: () => import("./commands/dag.ts") },
  { name: "repro", load: () => import("./commands/repro.ts") },
  { name: "remote add", load: () => import("./commands/remote-add.ts") },
  { name: "remote modify", load: () => import("./commands/remote-modify.ts") },
  { name: "remote list", load: () => import("./commands/remote-list.ts") },
  { name: "remote remove", load: () => import("./commands/remote-remove.ts") },
  { name: "statistics", aliases: ["stats"], load: () => import("./commands/statistics.ts") },
  { name: "statistics merge", load: () => import("./commands/statistics-merge.ts") },
  { name: "schema infer", load: () => import("./commands/schema-infer.ts") },
  { name: "schema update", load: () => import("./commands/schema-update.ts") },
  { name: "schema show", load: () => import("./commands/schema-show.ts") },
  { name: "schema diff", load: () => import("./commands/schema-diff.ts") },
  { name: "schema propose", load: () => import("./commands/schema-propose.ts") },
  { name: "schema approve", load: () => import("./commands/schema-approve.ts") },
  { name: "schema history", load: () => import("./commands/schema-history.ts") },
  { name: "schema rollback", load: () => import("./commands/schema-rollback.ts") },
  { name: "schema types", load: () => import("./commands/schema-types.ts") },
  { name: "validate", load: () => import("./commands/validate.ts") },
  { name: "lake put", load: () => import("./commands/lake-put.ts") },
  { name: "lake ls", load: () => import("./commands/lake-ls.ts") },
  { name: "lake get", load: () => import("./commands/lake-get.ts") },
  { name: "lake describe", load: () => import("./commands/lake-describe.ts") },
  { name: "warehouse create", load: () => import("./commands/warehouse-create.ts") },
  { name: "warehouse load", load: () => import("./commands/warehouse-load.ts") },
  { name: "warehouse append", load: () => import("./commands/warehouse-append.ts") },
  { name: "warehouse list", load: () => import("./commands/warehouse-list.ts") },
  { name: "warehouse snapshots", load: () => import("./commands/warehouse-snapshots.ts") },
  { name: "warehouse describe", load: () => import("./commands/warehouse-describe.ts") },
  { name: "warehouse tag", load: () => import("./commands/warehouse-tag.ts") },
  { name: "warehouse rollback", load: () => import("./commands/warehouse-rollback.ts") },
  { name: "warehouse compact", load: () => import("./commands/warehouse-compact.ts") },
  { name: "warehouse expire", load: () => import("./commands/warehouse-expire.ts") },
  { name: "sql", aliases: ["warehouse sql"], load: () => import("./commands/sql.ts") },
  { name: "features apply", load: () => import("./commands/features-apply.ts") },
  { name: "features list", load: () => import("./commands/features-list.ts") },
  { name: "features describe", load: () => import("./commands/features-describe.ts") },
  { name: "features historical", load: () => import("./commands/features-historical.ts") },
  { name: "features materialize", load: () => import("./commands/features-materialize.ts") },
  { name: "features get", load: () => import("./commands/features-get.ts") },
  { name: "features push", load: () => import("./commands/features-push.ts") },
  { name: "lineage", load: () => import("./commands/lineage.ts") },
  { name: "runs list", load: () => import("./commands/runs-list.ts") },
  { name: "runs show", load: () => import("./commands/runs-show.ts") },
  { name: "metadata check", load: () => import("./commands/metadata-check.ts") },
  { name: "metadata upgrade", load: () => import("./commands/metadata-upgrade.ts") },
  { name: "serve", load: () => import("./commands/serve.ts") },
  { name: "token add", load: () => import("./commands/token-add.ts") },
  { name: "token list", load: () => import("./commands/token-list.ts") },
  { name: "token revoke", load: () => import("./commands/token-revoke.ts") },
  { name: "lfs install", load: () => import("./commands/lfs-install.ts") },
  { name: "lfs uninstall", load: () => import("./commands/lfs-uninstall.ts") },
  { name: "lfs track", load: () => import("./commands/lfs-track.ts") },
  { name: "lfs untrack", load: () => import("./commands/lfs-untrack.ts") },
  { name: "lfs ls-files", load: () => import("./commands/lfs-ls-files.ts") },
  { name: "lfs status", load: () => import("./commands/lfs-status.ts") },
  { name: "lfs fetch", load: () => import("./commands/lfs-fetch.ts") },
  { name: "lfs pull", load: () => import("./commands/lfs-pull.ts") },
  { name: "lfs checkout", load: () => import("./commands/lfs-checkout.ts") },
  { name: "lfs push", load: () => import("./commands/lfs-push.ts") },
  { name: "lfs lock", load: () => import("./commands/lfs-lock.ts") },
  { name: "lfs unlock", load: () => import("./commands/lfs-unlock.ts") },
  { name: "lfs locks", load: () => import("./commands/lfs-locks.ts") },
  { name: "lfs prune", load: () => import("./commands/lfs-prune.ts") },
  { name: "lfs fsck", load: () => import("./commands/lfs-fsck.ts") },
  { name: "lfs migrate info", load: () => import("./commands/lfs-migrate-info.ts") },
  { name: "lfs migrate import", load: () => import("./commands/lfs-migrate-import.ts") },
  { name: "lfs migrate export", load: () => import("./commands/lfs-migrate-export.ts") },
  { name: "lfs clean", hidden: true, load: () => import("./commands/lfs-clean.ts") },
  { name: "lfs smudge", hidden: true, load: () => import("./commands/lfs-smudge.ts") },
  {
    name: "lfs filter-process",
    hidden: true,
    load: () => import("./commands/lfs-filter-process.ts"),
  },
  { name: "lfs pre-push", hidden: true, load: () => import("./commands/lfs-pre-push.ts") },
  { name: "doctor", load: () => import("./commands/doctor.ts") },
  { name: "completion", load: () => import("./commands/completion.ts") },
  { name: "__complete", hidden: true, load: () => import("./commands/complete.ts") },
  { name: "help", load: () => import("./commands/help.ts") },
];

/** What the first words that have verbs below them stand for. */
export const GROUPS: Readonly<Record<string, string>> = {
  lake: "Raw files as they came, immutable and catalogued",
  schema: "What is expected of data: types, presence, domains",
  features: "Features over tables, as they were then and as they are now",
  lfs: "Large files beside git, as git-lfs keeps them",
  token: "Who may come in to the server",
  metadata: "The store of records: ML Metadata's",
  remote: "Where versions of data are kept besides, as dvc has it",
  runs: "What ran, and what is recorded of it",
  warehouse: "Tables of typed rows in Apache Iceberg's format",
};

/** What the words of a command line stand for. */
export type Resolution =
  | { readonly kind: "command"; readonly entry: Entry; readonly rest: readonly string[] }
  | { readonly kind: "group"; readonly name: string; readonly unknownVerb: string | undefined }
  | { readonly kind: "unknown"; readonly word: string };

/** Finds the command that the leading words name; the longest name wins. */
export function resolveCommand(words: readonly string[]): Resolution {
  for (let count = Math.min(words.length, 3); count > 0; count--) {
    const name = words.slice(0, count).join(" ");
    const entry = COMMANDS.find((each) => each.name === name || each.aliases?.includes(name));
    if (entry !== undefined) return { kind: "command", entry, rest: words.slice(count) };
  }
  const first = words[0] ?? "";
  if (Object.hasOwn(GROUPS, first)) {
    const verb = words[1];
    return {
      kind: "group",
      name: first,
      unknownVerb: verb === undefined || verb.startsWith("-") ? undefined : verb,
    };
  }
  return { kind: "unknown", word: first };
}

/** The commands of a group, or those at the top when it is undefined. */
export function entriesOf(group: string | undefined): Entry[] {
  return COMMANDS.filter(
    ({ name, hidden }) => !hidden && groupOf(name) === group && name !== group,
  );
}

/** The first word of a command that has verbs, else undefined. */
export function groupOf(name: string): string | undefined {
  const [first = "", second] = name.split(" ");
  return second === undefined ? undefined : first;
}

/** The command that was probably meant: a near word, or a verb that another noun has. */
export function suggestCommand(words: readonly string[]): string | undefined {
  const visible = COMMANDS.filter(({ hidden }) => !hidden);
  const names = visible.flatMap(({ name, aliases }) => [name, ...(aliases ?? [])]);
  const first = words[0] ?? "";
  const group = Object.hasOwn(GROUPS, first) ? first : undefined;
  if (group !== undefined && words[1] !== undefined) {
    const verbs = entriesOf(group).map(({ name }) => name.slice(group.length + 1));
    const [verb] = nearest(words[1], verbs);
    return verb === undefined ? undefined : `${group} ${verb}`;
  }
  const asVerb = names.find((name) => name.split(" ")[1] === first);
  if (asVerb !== undefined) return asVerb;
  const tops = [...names.filter((name) => !name.includes(" ")), ...Object.keys(GROUPS)];
  return nearest(first, tops)[0];
}
