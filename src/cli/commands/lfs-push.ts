import { wrongUse } from "../arguments.ts";
import { defineCommand } from "../command.ts";
import { printable } from "../format.ts";
import { openLfs, pushAnswer, transferAnswer, transferOptions } from "../views/lfs.ts";

/** `waybill lfs push REMOTE [REF...]`: what `git push` does through its hook, by hand. */
export const command = defineCommand({
  name: "lfs push",
  summary: "Upload the objects that commits need",
  arguments: {
    remote: { summary: "Where to" },
    refs: {
      summary: "Branches or commits (default HEAD); object ids with --object-id",
      count: "any",
    },
  },
  options: {
    all: { type: "boolean", short: "a", summary: "The objects of all branches and tags" },
    objectId: { type: "boolean", short: "o", summary: "The names are object ids" },
    dryRun: { type: "boolean", short: "d", summary: "Only say what would be uploaded" },
  },
  examples: [
    { line: "lfs push origin main", does: "what a branch needs" },
    { line: "lfs push --all origin", does: "everything, for example to a new server" },
  ],
  run: async ({ arguments: { remote, refs }, options, session }) => {
    const { push, pushObjects } = await import("../../versioning/lfs/index.ts");
    const repository = await openLfs();
    if (options.objectId) {
      if (refs.length === 0) throw wrongUse("lfs push", "--object-id needs an object's id.");
      const sent = await pushObjects(repository, refs, transferOptions(session, remote));
      return transferAnswer("Pushed", sent, session);
    }
    const result = await push(repository, {
      ...transferOptions(session, remote),
      ...(refs.length === 0 ? {} : { refs }),
      all: options.all,
      dryRun: options.dryRun,
    });
    if (options.dryRun) {
      const lines = result.wanted.map(({ oid, path }) => printable(`push ${oid} => ${path}`));
      return { json: { wanted: result.wanted }, text: lines.join("\n") };
    }
    return pushAnswer(result, session);
  },
});
