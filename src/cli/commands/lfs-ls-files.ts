import { defineCommand } from "../command.ts";
import { printable } from "../format.ts";
import { formatLfsSize, openLfs, PATH_OPTIONS, pathsOf } from "../views/lfs.ts";

const SHORT_ID = 10;

/** `waybill lfs ls-files [REF]`: which files are large, and which are here. */
export const command = defineCommand({
  name: "lfs ls-files",
  summary: "List the files that go through Git LFS",
  description: "A star marks files whose content is checked out, a dash those that are pointers.",
  arguments: { ref: { summary: "A commit (default: the index and HEAD)", count: "optional" } },
  options: {
    long: { type: "boolean", short: "l", summary: "Whole object ids" },
    size: { type: "boolean", short: "s", summary: "With sizes" },
    nameOnly: { type: "boolean", short: "n", summary: "Only the paths" },
    all: { type: "boolean", short: "a", summary: "The files of all commits" },
    deleted: { type: "boolean", summary: "With files that the history had" },
    ...PATH_OPTIONS,
  },
  examples: [
    { line: "lfs ls-files -s", does: "with sizes" },
    { line: "lfs ls-files v1.0 --include 'data/'", does: "of a tag, below a folder" },
  ],
  run: async ({ arguments: { ref }, options }) => {
    const { lsFiles } = await import("../../versioning/lfs/index.ts");
    const files = await lsFiles(await openLfs(), {
      ref,
      all: options.all,
      deleted: options.deleted,
      ...(await pathsOf(options)),
    });
    const lines = files.map(({ path, oid, size, isCheckedOut }) => {
      if (options.nameOnly) return printable(path);
      const id = options.long ? oid : oid.slice(0, SHORT_ID);
      const shownSize = options.size ? ` (${formatLfsSize(size)})` : "";
      return `${id} ${isCheckedOut ? "*" : "-"} ${printable(path)}${shownSize}`;
    });
    return { json: { files }, text: lines.join("\n") };
  },
});
