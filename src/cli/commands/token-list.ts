import { defineCommand } from "../command.ts";
import { formatTime } from "../format.ts";
import { openProject } from "../project.ts";
import { formatTable } from "../table.ts";

/** `waybill token list`: who may come in, without the secrets, which nobody has. */
export const command = defineCommand({
  name: "token list",
  summary: "List the tokens, without their secrets",
  examples: [{ line: "token list", does: "names, roles, scopes and ends" }],
  run: async ({ session }) => {
    const { listTokens } = await import("../../protection/index.ts");
    const { home } = await openProject(session);
    const tokens = listTokens(home);
    const shown = (time: string | undefined) =>
      time === undefined ? "" : formatTime(new Date(time));
    const table = formatTable(
      [
        { title: "name" },
        { title: "role" },
        { title: "scopes" },
        { title: "made" },
        { title: "valid until" },
      ],
      tokens.map(({ name, role, scopes, createdAt, expiresAt }) => [
        name,
        role,
        scopes?.join(", ") ?? "all",
        shown(createdAt),
        shown(expiresAt),
      ]),
    );
    return {
      json: { tokens },
      ...(tokens.length > 0
        ? { text: table }
        : { note: 'No tokens: "waybill serve" answers this machine only, without asking.' }),
    };
  },
});
