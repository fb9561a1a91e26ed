import { wrongUse } from "../arguments.ts";
import { defineCommand } from "../command.ts";
import { printable } from "../format.ts";
import { openLfs } from "../views/lfs.ts";

/** `waybill lfs unlock PATH...|--id ID`. */
export const command = defineCommand({
  name: "lfs unlock",
  summary: "End locks",
  arguments: { paths: { summary: "The files", count: "any" } },
  options: {
    id: { type: "string", short: "i", value: "ID", summary: "A lock's id in place of paths" },
    force: { type: "boolean", short: "f", summary: "Others' locks too, and files with changes" },
    remote: { type: "string", short: "r", value: "REMOTE", summary: "Whose server" },
  },
  examples: [
    { line: "lfs unlock model.bin", does: "our lock" },
    { line: "lfs unlock --id 123 --force", does: "somebody else's" },
  ],
  run: async ({ arguments: { paths }, options, session }) => {
    const { id, force, remote } = options;
    if ((id === undefined) === (paths.length === 0)) {
      throw wrongUse("lfs unlock", "Name either files or a lock by --id.");
    }
    const { unlock } = await import("../../versioning/lfs/index.ts");
    const repository = await openLfs();
    const ended = [];
    const which = id === undefined ? paths.map((path) => ({ path })) : [{ id }];
    for (const each of which) {
      session.signal.throwIfAborted();
      ended.push(await unlock(repository, process.cwd(), each, { force, remote }));
    }
    return {
      json: { locks: ended },
      text: ended.map(({ path }) => `Unlocked ${printable(path)}`).join("\n"),
    };
  },
});
