import { defineCommand } from "../command.ts";
import { printable } from "../format.ts";
import { openLfs } from "../views/lfs.ts";

/** What git-lfs ends with when it finds a fault. */
const FAULTS_FOUND = 1;

/** `waybill lfs fsck [REF]`: are the bytes right, and are large files pointers? */
export const command = defineCommand({
  name: "lfs fsck",
  summary: "Check objects' bytes, and that large files are stored as pointers",
  arguments: { ref: { summary: "A commit (default: the index and HEAD)", count: "optional" } },
  options: {
    objects: { type: "boolean", summary: "Only the objects" },
    pointers: { type: "boolean", summary: "Only the pointers" },
    dryRun: { type: "boolean", short: "d", summary: "Leave damaged objects where they are" },
  },
  examples: [{ line: "lfs fsck", does: "everything that is checked out; exit code 1 on a fault" }],
  run: async ({ arguments: { ref }, options, session }) => {
    const { fsck } = await import("../../versioning/lfs/index.ts");
    const both = options.objects === options.pointers;
    const faults = await fsck(await openLfs(), {
      ref,
      objects: both || options.objects,
      pointers: both || options.pointers,
      dryRun: options.dryRun,
      progress: session.progress,
      signal: session.signal,
    });
    if (faults.length === 0) return { json: { faults }, text: "Git LFS fsck OK" };
    const lines = faults.map(({ kind, path, oid }) =>
      printable(`${kind}: ${path}${oid === undefined ? "" : ` (${oid})`}`),
    );
    return { json: { faults }, text: lines.join("\n"), exitCode: FAULTS_FOUND };
  },
});
