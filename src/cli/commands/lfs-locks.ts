import { wrongUse } from "../arguments.ts";
import { defineCommand } from "../command.ts";
import { formatTable } from "../table.ts";
import { openLfs } from "../views/lfs.ts";

/** `waybill lfs locks`: who has locked what. */
export const command = defineCommand({
  name: "lfs locks",
  summary: "List who has locked which files",
  options: {
    path: { type: "string", short: "p", value: "PATH", summary: "The lock of one file" },
    id: { type: "string", short: "i", value: "ID", summary: "One lock" },
    limit: { type: "integer", short: "l", value: "N", summary: "At most so many" },
    verify: { type: "boolean", summary: "Mark our own with O" },
    remote: { type: "string", short: "r", value: "REMOTE", summary: "Whose server" },
  },
  examples: [
    { line: "lfs locks", does: "all of them" },
    { line: "lfs locks --verify", does: "ours and others'" },
  ],
  run: async ({ options }) => {
    const { verify, remote, path: ofPath, id: ofId, limit } = options;
    const query = { path: ofPath, id: ofId, limit };
    const isNarrowed = Object.values(query).some((value) => value !== undefined);
    if (verify && isNarrowed) throw wrongUse("lfs locks", "--verify lists all locks.");
    const { locks, verifiedLocks } = await import("../../versioning/lfs/index.ts");
    const repository = await openLfs();
    const columns = [{ title: "path" }, { title: "owner" }, { title: "id" }];
    if (verify) {
      const { ours, theirs } = await verifiedLocks(repository, { remote });
      const rows = [
        ...ours.map(({ path, owner, id }) => ["O", path, owner, `ID:${id}`]),
        ...theirs.map(({ path, owner, id }) => ["", path, owner, `ID:${id}`]),
      ];
      const text = formatTable([{ title: "" }, ...columns], rows);
      return { json: { ours, theirs }, ...(rows.length > 0 ? { text } : { note: "No locks." }) };
    }
    const listed = await locks(repository, { remote, ...query });
    const rows = listed.map(({ path, owner, id }) => [path, owner, `ID:${id}`]);
    return {
      json: { locks: listed },
      ...(rows.length > 0 ? { text: formatTable(columns, rows) } : { note: "No locks." }),
    };
  },
});
