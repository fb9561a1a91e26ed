import { defineCommand } from "../command.ts";
import { formatCount } from "../format.ts";
import { openProject } from "../project.ts";
import { formatFields, formatTable } from "../table.ts";

/** `waybill metadata check [STORE]`: does the store open, and is what it speaks of still there? */
export const command = defineCommand({
  name: "metadata check",
  summary: "Check a store, and that the files it speaks of are there",
  description:
    "Looks at every live artifact whose URI is a file; with --read their bytes are read and held against the\n" +
    "recorded digest. Exits 3 when something is amiss.",
  arguments: {
    store: { summary: "sqlite:FILE or a path (default: the project's)", count: "optional" },
  },
  options: { read: { type: "boolean", summary: "Read every file and check its digest" } },
  examples: [
    { line: "metadata check", does: "the project's store" },
    { line: "metadata check --read", does: "every byte" },
    { line: "metadata check mlmd.db", does: "a store of ml-metadata" },
  ],
  run: async ({ arguments: { store: uri }, options: { read }, session }) => {
    const { checkStore } = await import("../checking.ts");
    const { openMetadataStore } = await import("../../metadata/index.ts");
    const store =
      uri === undefined
        ? (await openProject(session)).store
        : session.resources.use(await openMetadataStore(uri, { mode: "READONLY" }));
    const { counts, findings } = await checkStore(store, { read, session });
    const summary = formatFields(
      Object.entries(counts).map(([name, count]) => [name, formatCount(count)] as const),
    );
    const table = formatTable(
      [
        { title: "node", align: "right" },
        { title: "type" },
        { title: "finding" },
        { title: "where" },
      ],
      findings.map(({ node, type, finding, where }) => [node, type, finding, where]),
    );
    return {
      json: { store: store.location, counts, findings },
      text: `${store.location}\n${summary}${findings.length === 0 ? "" : `\n\n${table}`}`,
      note: findings.length === 0 ? "Nothing is amiss." : `${findings.length} findings.`,
      exitCode: findings.length === 0 ? 0 : 3,
    };
  },
});
