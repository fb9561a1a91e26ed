import { defineCommand } from "../command.ts";

/** `waybill metadata upgrade STORE`: an older ML Metadata file gets the current layout, after a backup. */
export const command = defineCommand({
  name: "metadata upgrade",
  summary: "Bring an older ML Metadata file to the current layout, after a backup",
  arguments: { store: { summary: "The SQLite file, or sqlite:FILE" } },
  examples: [
    { line: "metadata upgrade mlmd.db", does: "the old file stays beside it as a backup" },
  ],
  run: async ({ arguments: { store } }) => {
    const { upgradeMetadataStore } = await import("../../metadata/index.ts");
    const done = await upgradeMetadataStore(store);
    return {
      json: { store, ...done, backup: done.backup ?? null },
      note:
        done.backup === undefined
          ? `"${store}" has the current layout (${done.to}).`
          : `"${store}" went from layout ${done.from} to ${done.to}; as it was: ${done.backup}.`,
    };
  },
});
