import { defineCommand } from "../command.ts";
import { openRepository } from "../repository.ts";

/** `waybill unprotect TARGET...`: links into the cache become files that may be edited. */
export const command = defineCommand({
  name: "unprotect",
  summary: "Make linked data editable, as dvc unprotect does",
  arguments: { targets: { summary: "Tracked data", count: "many", value: "TARGET" } },
  examples: [{ line: "unprotect trips.csv", does: "edit it without touching the cache" }],
  run: async ({ arguments: { targets } }) => {
    const { unprotect } = await import("../../versioning/index.ts");
    await unprotect(await openRepository(), targets, { cwd: process.cwd() });
    return { json: { unprotected: targets }, note: `${targets.join(", ")} may be edited.` };
  },
});
