import { defineCommand } from "../command.ts";
import { formatQuantity } from "../format.ts";
import { openLfs, PATH_OPTIONS, pathsOf } from "../views/lfs.ts";

/** `waybill lfs checkout [PATH...]`: objects that are here, in place of their pointers. */
export const command = defineCommand({
  name: "lfs checkout",
  summary: "Put objects that are here in place of their pointers",
  arguments: { paths: { summary: "Only these files and folders", count: "any" } },
  options: PATH_OPTIONS,
  examples: [{ line: "lfs checkout data/", does: "the files below a folder" }],
  run: async ({ arguments: { paths }, options, session }) => {
    const { checkout, pathFilter } = await import("../../versioning/lfs/index.ts");
    const { include = [], exclude = [] } = await pathsOf(options);
    const repository = await openLfs();
    const { relative } = await import("node:path");
    const root = repository.workTree ?? process.cwd();
    const given = paths.map((path) => `/${relative(root, path)}`).filter((path) => path !== "/");
    const changed = await checkout(repository, {
      progress: session.progress,
      signal: session.signal,
      filter: pathFilter([...include, ...given], exclude),
    });
    return {
      json: { checkedOut: changed },
      note: `Checked out ${formatQuantity(changed.length, "file")}.`,
    };
  },
});
