import { defineCommand } from "../command.ts";
import { formatBytes, formatQuantity } from "../format.ts";
import {
  openRepository,
  REMOTE_OPTION,
  SCOPE_OPTIONS,
  TARGETS,
  transferOptions,
} from "../repository.ts";

/** `waybill push`: between the cache and a remote. */
export const command = defineCommand({
  name: "push",
  summary: "Send versions from the cache to a remote, as dvc push does",
  arguments: TARGETS,
  options: { ...REMOTE_OPTION, ...SCOPE_OPTIONS },
  examples: [
    { line: "push", does: "what the workspace tracks" },
    { line: "push -r backup --all-tags", does: "a remote by its name, and tagged versions too" },
  ],
  run: async ({ arguments: { targets }, options, session }) => {
    const { push } = await import("../../versioning/index.ts");
    const { signal, progress } = session;
    const result = await push(await openRepository(), {
      ...transferOptions(targets, options),
      signal,
      progress,
    });
    const { objectCount, sizeBytes, remote } = result;
    return {
      json: result,
      note: `${formatQuantity(objectCount, "object")} sent (${formatBytes(sizeBytes)}), remote ${remote}.`,
    };
  },
});
