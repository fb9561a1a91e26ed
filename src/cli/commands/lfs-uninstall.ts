import { defineCommand } from "../command.ts";
import { SCOPE_OPTIONS, scopeOf, tryOpenLfs } from "../views/lfs.ts";

/** `waybill lfs uninstall`: takes back what `lfs install` set. */
export const command = defineCommand({
  name: "lfs uninstall",
  summary: "Take back what lfs install set",
  options: {
    ...SCOPE_OPTIONS,
    skipRepo: { type: "boolean", summary: "Leave the repository's hooks alone" },
    program: {
      type: "string",
      value: "COMMAND",
      summary: "What git was to call",
      default: "waybill lfs",
    },
  },
  examples: [{ line: "lfs uninstall --local", does: "from this repository" }],
  run: async ({ options }) => {
    const { uninstall } = await import("../../versioning/lfs/index.ts");
    const scope = scopeOf("lfs uninstall", options);
    const { hook } = uninstall(process.cwd(), await tryOpenLfs(options), {
      scope,
      program: options.program,
      skipRepository: options.skipRepo,
    });
    return {
      json: { scope, hook: hook ?? null },
      note: `Git LFS is no longer set up (${scope} settings). Files keep their content.`,
    };
  },
});
