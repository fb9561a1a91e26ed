import { defineCommand } from "../command.ts";
import { changedPaths, openRepository, TARGETS } from "../repository.ts";

/** `waybill checkout`: the workspace becomes what the `.dvc` files record. */
export const command = defineCommand({
  name: "checkout",
  summary: "Bring the recorded versions from the cache, as dvc checkout does",
  arguments: TARGETS,
  options: {
    force: { type: "boolean", short: "f", summary: "Discard changes that are in no cache" },
    relink: { type: "boolean", summary: "Make every link anew, after cache.type was changed" },
    allowMissing: { type: "boolean", summary: "Pass by what the cache does not have" },
  },
  examples: [
    { line: "checkout", does: "after git switched to another commit" },
    { line: "checkout -f trips.csv", does: "throw a change away" },
  ],
  run: async ({ arguments: { targets }, options, session }) => {
    const { checkout } = await import("../../versioning/index.ts");
    const { signal, progress } = session;
    const { force, relink, allowMissing } = options;
    const result = await checkout(await openRepository(), {
      targets,
      cwd: process.cwd(),
      force,
      relink,
      allowMissing,
      signal,
      progress,
    });
    return { json: result, text: session.quiet ? "" : changedPaths(result) };
  },
});
