import { defineCommand } from "../command.ts";
import { formatBytes, formatQuantity } from "../format.ts";
import {
  changedPaths,
  openRepository,
  REMOTE_OPTION,
  SCOPE_OPTIONS,
  TARGETS,
  transferOptions,
} from "../repository.ts";

/** `waybill pull`: fetches, then checks out. */
export const command = defineCommand({
  name: "pull",
  summary: "Bring versions from a remote into the workspace, as dvc pull does",
  arguments: TARGETS,
  options: {
    ...REMOTE_OPTION,
    ...SCOPE_OPTIONS,
    force: { type: "boolean", short: "f", summary: "Discard changes that are in no cache" },
    allowMissing: { type: "boolean", summary: "Pass by what the remote does not have" },
  },
  examples: [
    { line: "pull", does: "after cloning the repository" },
    { line: "pull images -r backup", does: "one folder, from a remote by its name" },
  ],
  run: async ({ arguments: { targets }, options, session }) => {
    const { pull } = await import("../../versioning/index.ts");
    const { signal, progress, quiet } = session;
    const result = await pull(await openRepository(), {
      ...transferOptions(targets, options),
      force: options.force,
      allowMissing: options.allowMissing,
      signal,
      progress,
    });
    const { objectCount, sizeBytes } = result;
    return {
      json: result,
      text: quiet ? "" : changedPaths(result),
      note: `${formatQuantity(objectCount, "object")} fetched (${formatBytes(sizeBytes)}).`,
    };
  },
});
