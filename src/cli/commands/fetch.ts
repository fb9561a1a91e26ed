import { defineCommand } from "../command.ts";
import { formatBytes, formatQuantity } from "../format.ts";
import {
  openRepository,
  REMOTE_OPTION,
  SCOPE_OPTIONS,
  TARGETS,
  transferOptions,
} from "../repository.ts";

/** `waybill fetch`: between the cache and a remote. */
export const command = defineCommand({
  name: "fetch",
  summary: "Bring versions from a remote into the cache, as dvc fetch does",
  arguments: TARGETS,
  options: { ...REMOTE_OPTION, ...SCOPE_OPTIONS },
  examples: [
    { line: "fetch", does: "what the workspace needs" },
    { line: "fetch -r backup --all-tags", does: "a remote by its name, and tagged versions too" },
  ],
  run: async ({ arguments: { targets }, options, session }) => {
    const { fetch } = await import("../../versioning/index.ts");
    const { signal, progress } = session;
    const result = await fetch(await openRepository(), {
      ...transferOptions(targets, options),
      signal,
      progress,
    });
    const { objectCount, sizeBytes, remote } = result;
    return {
      json: result,
      note: `${formatQuantity(objectCount, "object")} fetched (${formatBytes(sizeBytes)}), remote ${remote}.`,
    };
  },
});
