import { defineCommand } from "../command.ts";
import { openProject } from "../project.ts";

/** `waybill token revoke NAME`: running servers refuse it from their next request on. */
export const command = defineCommand({
  name: "token revoke",
  summary: "Take a token away, at once",
  arguments: { name: { summary: "Whose it is" } },
  examples: [{ line: "token revoke ci", does: "the next request with it is refused" }],
  run: async ({ arguments: { name }, session }) => {
    const { revokeToken } = await import("../../protection/index.ts");
    const { home } = await openProject(session);
    await revokeToken(home, name);
    return { json: { revoked: name }, note: `The token of "${name}" is revoked.` };
  },
});
