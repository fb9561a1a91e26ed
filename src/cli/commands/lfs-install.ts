import { defineCommand } from "../command.ts";
import { SCOPE_OPTIONS, scopeOf, tryOpenLfs } from "../views/lfs.ts";

/** `waybill lfs install`: git's settings, and the repository's pre-push hook. */
export const command = defineCommand({
  name: "lfs install",
  summary: "Set git up to store large files through Git LFS",
  options: {
    ...SCOPE_OPTIONS,
    force: { type: "boolean", short: "f", summary: "Replace other commands that are set" },
    skipSmudge: { type: "boolean", short: "s", summary: "Clones keep pointers until a pull" },
    skipRepo: { type: "boolean", summary: "Leave the repository's hooks alone" },
    program: {
      type: "string",
      value: "COMMAND",
      summary: "What git is to call",
      default: "waybill lfs",
    },
  },
  examples: [
    { line: "lfs install", does: "for all repositories of this user" },
    { line: "lfs install --local", does: "for this repository only" },
  ],
  run: async ({ options }) => {
    const { install } = await import("../../versioning/lfs/index.ts");
    const { scope, hook } = await install(process.cwd(), await tryOpenLfs(options), {
      scope: scopeOf("lfs install", options),
      program: options.program,
      force: options.force,
      skipSmudge: options.skipSmudge,
      skipRepository: options.skipRepo,
    });
    const where = hook === undefined ? "" : ` Hook: ${hook}.`;
    return {
      json: { scope, hook: hook ?? null },
      note: `Git LFS is set up (${scope} settings).${where}`,
    };
  },
});
