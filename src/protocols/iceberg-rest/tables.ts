import type { Step } from "../../metadata/index.ts";
import type { RouteRequest, RouteResponse } from "../../server/index.ts";
import {
  type CatalogCommit,
  type CatalogTable,
  catalogJson,
  type ExactJson,
  type TableCatalog,
  type TableIdentifier,
} from "../../warehouse/index.ts";
import { badRequest, worded } from "./errors.ts";
import { pageOf } from "./pages.ts";
import type { Record } from "./recording.ts";
import {
  exactResponse,
  fullName,
  identifierIn,
  identifierOf,
  levelsOf,
  mayWrite,
  membersOf,
  NO_CONTENT,
  nameIn,
  tableJson,
} from "./wire.ts";

type OfNamespace = RouteRequest<{ readonly namespace: string }>;
type OfTable = RouteRequest<{ readonly namespace: string; readonly table: string }>;
type Members = Readonly<globalThis.Record<string, ExactJson>>;

/** What engines say of themselves in the summary of their snapshots; it goes into the record. */
const ENGINE_FACTS = ["engine-name", "engine-version", "spark.app.id", "app-id"];

/** What is done with tables. */
export function tableHandlers(catalog: TableCatalog, record: Record) {
  const headOf = (identifier: TableIdentifier) => `table:${fullName(identifier)}`;

  async function commit(
    request: RouteRequest,
    commits: readonly CatalogCommit[],
  ): Promise<readonly CatalogTable[]> {
    const tables = commits.map(({ identifier }) => fullName(identifier));
    return worded(
      "table",
      record(request, "WarehouseCommit", {
        heads: commits.map(({ identifier }) => headOf(identifier)),
        parameters: {
          tables: tables.join(", "),
          actions: commits.flatMap(({ updates }) => updates.map(({ action }) => action)).join(", "),
        },
        body: async (step) => {
          noteEngine(step, commits);
          return catalog.commit(step, commits);
        },
      }),
    );
  }

  return {
    async list({ params, query }: OfNamespace): Promise<RouteResponse> {
      const namespace = levelsOf(params.namespace);
      const names = await worded("namespace", catalog.tablesIn(namespace));
      const { items, ...token } = pageOf(names, query, (name) => name);
      return exactResponse({ identifiers: items.map((name) => ({ namespace, name })), ...token });
    },

    async create(request: OfNamespace): Promise<RouteResponse> {
      const members = await membersOf(request);
      const identifier = { namespace: levelsOf(request.params.namespace), name: nameIn(members) };
      mayWrite(request, identifier);
      const spec = members["partition-spec"] ?? undefined;
      const order = members["write-order"] ?? undefined;
      const table = {
        schema: catalogJson.schema(members["schema"]),
        ...(spec === undefined ? {} : { spec: catalogJson.spec(spec) }),
        ...(order === undefined ? {} : { order: catalogJson.order(order) }),
        properties: catalogJson.texts(members["properties"], "properties"),
      };
      await worded("namespace", catalog.namespace(identifier.namespace));
      if (members["stage-create"] === true) {
        return exactResponse(tableJson(await worded("table", catalog.stage(identifier, table))));
      }
      const made = await worded(
        "table",
        record(request, "CreateTable", {
          heads: [headOf(identifier)],
          parameters: { table: fullName(identifier) },
          body: (step) => catalog.create(step, identifier, table),
        }),
      );
      return exactResponse(tableJson(made), etagOf(made));
    },

    async register(request: OfNamespace): Promise<RouteResponse> {
      const members = await membersOf(request);
      const identifier = { namespace: levelsOf(request.params.namespace), name: nameIn(members) };
      mayWrite(request, identifier);
      const location = members["metadata-location"];
      if (typeof location !== "string") throw badRequest('"metadata-location" is no text.');
      await worded("namespace", catalog.namespace(identifier.namespace));
      const table = await worded(
        "table",
        record(request, "RegisterTable", {
          heads: [headOf(identifier)],
          parameters: { table: fullName(identifier), metadata_location: location },
          body: (step) => catalog.register(step, identifier, location),
        }),
      );
      return exactResponse(tableJson(table), etagOf(table));
    },

    async load({ method, params, query, headers }: OfTable): Promise<RouteResponse> {
      const table = await worded("table", catalog.load(identifierOf(params)));
      if (method === "HEAD") return NO_CONTENT;
      const etag = etagOf(table);
      if (headers["if-none-match"] === etag.etag) return { status: 304, headers: etag };
      return exactResponse(
        tableJson(query.get("snapshots") === "refs" ? withRefsOnly(table) : table),
        etag,
      );
    },

    async commit(request: OfTable): Promise<RouteResponse> {
      const members = await membersOf(request);
      const [table] = await commit(request, [commitIn(members, identifierOf(request.params))]);
      if (table === undefined) throw badRequest("A commit changes a table.");
      const { config: _config, ...json } = tableJson(table);
      return exactResponse(json, etagOf(table));
    },

    async commitAll(request: RouteRequest<object>): Promise<RouteResponse> {
      // A route without parameters: the handler needs none of them.
      const plain = request as RouteRequest;
      const changes = (await membersOf(plain))["table-changes"];
      if (!Array.isArray(changes)) throw badRequest('"table-changes" is no list.');
      const commits = changes.map((change: ExactJson) => {
        if (change === null || typeof change !== "object")
          throw badRequest("A change is no object.");
        // An array has none of the members, and is refused for that.
        const members = change as Members;
        return commitIn(members, identifierIn(members["identifier"]));
      });
      const names = commits.map(({ identifier }) => fullName(identifier));
      if (new Set(names).size < names.length) throw badRequest("A table is changed twice.");
      for (const { identifier } of commits) mayWrite(plain, identifier);
      await commit(plain, commits);
      return NO_CONTENT;
    },

    async rename(request: RouteRequest<object>): Promise<RouteResponse> {
      const plain = request as RouteRequest;
      const members = await membersOf(plain);
      const from = identifierIn(members["source"]);
      const to = identifierIn(members["destination"]);
      for (const identifier of [from, to]) mayWrite(plain, identifier);
      await worded("table", catalog.load(from));
      await worded("namespace", catalog.namespace(to.namespace));
      await worded(
        "table",
        record(plain, "RenameTable", {
          heads: [headOf(from), headOf(to)],
          parameters: { table: fullName(from), to: fullName(to) },
          body: (step) => catalog.rename(step, from, to),
        }),
      );
      return NO_CONTENT;
    },

    async drop(request: OfTable): Promise<RouteResponse> {
      const identifier = identifierOf(request.params);
      const change = { heads: [headOf(identifier)], parameters: { table: fullName(identifier) } };
      const dropped = await worded(
        "table",
        record(request, "DropTable", { ...change, body: (step) => catalog.drop(step, identifier) }),
      );
      if (request.query.get("purgeRequested")?.toLowerCase() === "true") {
        const body = (step: Step) => catalog.purge(step, dropped);
        await worded("table", record(request, "PurgeTable", { ...change, body }));
      }
      return NO_CONTENT;
    },

    async metrics(request: OfTable): Promise<RouteResponse> {
      await membersOf(request);
      return NO_CONTENT;
    },
  };
}

function commitIn(members: Members, identifier: TableIdentifier): CatalogCommit {
  return {
    identifier,
    requirements: catalogJson.requirements(members["requirements"]),
    updates: catalogJson.updates(members["updates"]),
  };
}

/** A metadata file never changes, so its place is its version. */
function etagOf({ metadataUri }: CatalogTable): { readonly etag: string } {
  return { etag: `"${Buffer.from(metadataUri ?? "").toString("base64url")}"` };
}

/** Snapshots that a branch or tag points at; a client fetches the others when it needs them. */
function withRefsOnly(table: CatalogTable): CatalogTable {
  const wanted = new Set(Object.values(table.metadata.refs).map((ref) => ref["snapshot-id"]));
  const snapshots = table.metadata.snapshots.filter(({ "snapshot-id": id }) => wanted.has(id));
  return { ...table, metadata: { ...table.metadata, snapshots } };
}

function noteEngine(step: Step, commits: readonly CatalogCommit[]): void {
  for (const { updates } of commits) {
    for (const update of updates) {
      if (update.action !== "add-snapshot") continue;
      const { summary } = update.snapshot;
      for (const fact of ENGINE_FACTS) {
        const value = summary[fact];
        if (value !== undefined) step.note(fact.replaceAll(/[^a-z]/g, "_"), value);
      }
    }
  }
}
