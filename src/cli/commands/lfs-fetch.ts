import { defineCommand } from "../command.ts";
import { printable } from "../format.ts";
import { openLfs, PATH_OPTIONS, pathsOf, transferAnswer, transferOptions } from "../views/lfs.ts";

/** `waybill lfs fetch [REMOTE [REF...]]`: objects, not files. */
export const command = defineCommand({
  name: "lfs fetch",
  summary: "Download objects without touching files",
  arguments: {
    remote: { summary: "Default: the branch's", count: "optional" },
    refs: { summary: "Commits (default: what is checked out)", count: "any" },
  },
  options: {
    all: { type: "boolean", short: "a", summary: "The objects of all commits" },
    dryRun: { type: "boolean", short: "d", summary: "Only say what would be downloaded" },
    ...PATH_OPTIONS,
  },
  examples: [
    { line: "lfs fetch", does: "what the current files need" },
    { line: "lfs fetch origin main v1.0", does: "what two commits need" },
  ],
  run: async ({ arguments: { remote, refs }, options, session }) => {
    const { fetchObjects } = await import("../../versioning/lfs/index.ts");
    const result = await fetchObjects(await openLfs(), {
      ...transferOptions(session, remote),
      ...(refs.length === 0 ? {} : { refs }),
      all: options.all,
      dryRun: options.dryRun,
      ...(await pathsOf(options)),
    });
    if (options.dryRun) {
      const lines = result.wanted.map(({ oid, path }) => printable(`fetch ${oid} => ${path}`));
      return { json: { wanted: result.wanted }, text: lines.join("\n") };
    }
    return transferAnswer("Fetched", result, session);
  },
});
