import { ROLES, type Role } from "../../protection/index.ts";
import { wrongUse } from "../arguments.ts";
import { defineCommand } from "../command.ts";
import { openProject } from "../project.ts";

const DAY_MS = 24 * 3600 * 1000;

/** `waybill token add NAME --role ROLE`: the secret is shown once. */
export const command = defineCommand({
  name: "token add",
  summary: "Make a token for somebody, or for a program",
  description:
    "The secret is shown this once; the project keeps only its hash. Clients send it as a bearer token, or as\n" +
    "the password of user NAME (git, browsers). From the first token on every request needs one.",
  arguments: { name: { summary: "Whose it is" } },
  options: {
    role: {
      type: "string",
      choices: ROLES,
      required: true,
      summary: "viewer reads, editor also writes, admin also administers",
    },
    scope: {
      type: "string",
      value: "SCOPE",
      multiple: true,
      summary: "Only for these: lfs, lfs:team/data, lfs:team/*, warehouse, ...",
    },
    days: { type: "integer", value: "N", summary: "Valid for so many days (default: for ever)" },
  },
  examples: [
    { line: "token add ann --role editor", does: "a person who may write" },
    { line: "token add ci --role viewer --scope lfs:team/* --days 30", does: "a build server" },
  ],
  run: async ({ arguments: { name }, options, session }) => {
    const { days } = options;
    if (days !== undefined && days < 1) throw wrongUse("token add", "--days is at least 1.");
    const { addToken } = await import("../../protection/index.ts");
    const { home } = await openProject(session, { create: true });
    const { secret, info } = await addToken(home, {
      name,
      // The parser lets only the choices through.
      role: options.role as Role,
      ...(options.scope.length === 0 ? {} : { scopes: options.scope }),
      ...(days === undefined ? {} : { expiresAt: new Date(Date.now() + days * DAY_MS) }),
    });
    return {
      json: { ...info, secret },
      text: secret,
      note: `The token of "${name}" (${info.role}). It is not shown again.`,
    };
  },
});
