import type { SnapshotView } from "../../warehouse/index.ts";
import { wrongUse } from "../arguments.ts";
import { defineCommand } from "../command.ts";
import { confirmDestruction, DESTRUCTION_OPTIONS } from "../destruction.ts";
import { formatBytes, formatCount, formatQuantity, formatTime } from "../format.ts";
import { openProject } from "../project.ts";
import { parseTime } from "../registry.ts";
import { formatTable } from "../table.ts";
import { completeTables, tableName } from "../tables.ts";

const LATELY_MS = 2 * 3_600_000;

/** `waybill warehouse expire TABLE --older-than TIME`: forgets old snapshots and frees their files. */
export const command = defineCommand({
  name: "warehouse expire",
  summary: "Forget old snapshots of a table and delete the files that only they need",
  arguments: { table: { summary: "The table" } },
  options: {
    olderThan: {
      type: "string",
      value: "TIME",
      summary: "Snapshots before this time go, ISO 8601, UTC",
      required: true,
    },
    keep: { type: "integer", value: "N", summary: "Keep so many whatever their age", default: 1 },
    files: { type: "boolean", default: true, summary: "Leave the files where they are" },
    ...DESTRUCTION_OPTIONS,
  },
  examples: [
    { line: "warehouse expire flights --older-than 2026-10-01 --dry-run", does: "what would go" },
    {
      line: "warehouse expire flights --older-than 2026-10-01 --keep 5 --yes",
      does: "in a script",
    },
  ],
  complete: completeTables,
  run: async ({ arguments: { table }, options, session }) => {
    if (options.keep < 1) throw wrongUse("warehouse expire", "--keep is at least 1.");
    const olderThan = parseTime("--older-than", options.olderThan);
    const project = await openProject(session);
    const warehouse = await project.warehouse();
    const name = tableName(table);
    const before = await warehouse.snapshots(name);
    const going = before.filter(
      (snapshot) => !keptOf(before, options.keep).has(snapshot.id) && snapshot.time < olderThan,
    );
    if (options.dryRun || going.length === 0) {
      return {
        json: { table: name, dryRun: options.dryRun, snapshots: going },
        ...(going.length === 0
          ? { note: "No snapshot is that old and may go." }
          : { text: snapshotTable(going) }),
      };
    }
    const what = `${formatQuantity(going.length, "snapshot")} of ${name} can no longer be read.`;
    await confirmDestruction(session, options, what);
    const { signal } = session;
    await project.recorder.step(
      "Expire",
      {
        parameters: { table: name, older_than: olderThan.toISOString(), keep: options.keep },
        signal,
      },
      (step) => warehouse.expire(step, name, { olderThan, keepLast: options.keep }),
    );
    const left = new Set((await warehouse.snapshots(name)).map(({ id }) => id));
    const gone = before.filter(({ id }) => !left.has(id));
    // What was written lately may belong to a commit that is under way.
    const unused = new Date(Math.min(olderThan.getTime(), Date.now() - LATELY_MS));
    const freed = options.files
      ? await project.recorder.step(
          "RemoveOrphans",
          { parameters: { table: name, older_than: unused.toISOString() }, signal },
          (step) => warehouse.removeOrphans(step, name, { olderThan: unused }),
        )
      : undefined;
    const { removedFiles = 0, removedBytes = 0 } = freed?.value ?? {};
    return {
      json: { table: name, snapshots: gone, removedFiles, removedBytes },
      note:
        `Forgot ${formatQuantity(gone.length, "snapshot")}, deleted ` +
        `${formatQuantity(removedFiles, "file")} (${formatBytes(removedBytes)}).`,
    };
  },
});

/** The current snapshot, what refs point at, and the `keep` last of each of them. */
function keptOf(snapshots: readonly SnapshotView[], keep: number): ReadonlySet<bigint> {
  const byId = new Map(snapshots.map((snapshot) => [snapshot.id, snapshot]));
  const kept = new Set<bigint>();
  for (const head of snapshots.filter(({ isCurrent, refs }) => isCurrent || refs.length > 0)) {
    let snapshot: SnapshotView | undefined = head;
    for (let count = 0; count < keep && snapshot !== undefined; count++) {
      kept.add(snapshot.id);
      snapshot = snapshot.parentId === undefined ? undefined : byId.get(snapshot.parentId);
    }
  }
  return kept;
}

function snapshotTable(snapshots: readonly SnapshotView[]): string {
  return formatTable(
    [{ title: "snapshot", align: "right" }, { title: "time" }, { title: "rows", align: "right" }],
    snapshots.map(({ id, time, totalRows }) => [
      String(id),
      formatTime(time),
      formatCount(totalRows),
    ]),
  );
}
