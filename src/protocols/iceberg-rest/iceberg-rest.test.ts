import assert from "node:assert/strict";
import { mkdtempDisposableSync } from "node:fs";
import { access, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { openEngine } from "../../engine/index.ts";
import { createRecorder, openMetadataStore, propertiesOf } from "../../metadata/index.ts";
import { serve } from "../../server/index.ts";
import { openFileStore } from "../../storage/index.ts";
import { openWarehouse } from "../../warehouse/index.ts";
import { icebergRoutes } from "./index.ts";

const SCHEMA = {
  type: "struct",
  "schema-id": 4,
  fields: [
    { id: 40, name: "id", type: "long", required: true },
    {
      id: 90,
      name: "tags",
      required: false,
      type: { type: "list", "element-id": 95, element: "string", "element-required": false },
    },
    { id: 10, name: "day", type: "date", required: false },
  ],
};
const LARGE_ID = 2n ** 62n + 1n;

/** A server over an empty warehouse, and how it is asked. */
async function served() {
  const folder = mkdtempDisposableSync(join(tmpdir(), "waybill-rest-"));
  const engine = await openEngine({ threads: 1 });
  const metadata = await openMetadataStore("memory:");
  const recorder = createRecorder(metadata);
  const store = openFileStore(folder.path);
  const warehouse = openWarehouse({ store, engine, heads: recorder });
  const server = await serve({ routes: icebergRoutes({ warehouse, recorder }) });
  const base = `${server.url}/iceberg/v1`;
  return {
    engine,
    metadata,
    warehouse,
    recorder,
    /** The status, the text and the parsed body of an answer. */
    async ask(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
      const text = typeof body === "string" ? body : JSON.stringify(body);
      const answer = await fetch(`${base}${path}`, {
        method,
        headers: { "content-type": "application/json", "user-agent": "test/1", ...headers },
        ...(body === undefined ? {} : { body: text }),
      });
      const given = await answer.text();
      const json = given === "" ? undefined : JSON.parse(given);
      return { status: answer.status, text: given, json, etag: answer.headers.get("etag") };
    },
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await engine[Symbol.asyncDispose]();
      await metadata[Symbol.asyncDispose]();
      folder.remove();
    },
  };
}

/** As {@link served}, with a namespace and a table `main.t` in it. */
async function withTable() {
  const given = await served();
  await given.ask("POST", "/namespaces", { namespace: ["main"], properties: { owner: "ann" } });
  const made = await given.ask("POST", "/namespaces/main/tables", { name: "t", schema: SCHEMA });
  assert.equal(made.status, 200, made.text);
  return { ...given, uuid: String(made.json.metadata["table-uuid"]) };
}

/** The body of a commit that adds a snapshot of no files; its id is pasted, as no double holds it. */
function snapshotCommit(uuid: string, id: bigint, list: string): string {
  return `{"requirements": [{"type": "assert-table-uuid", "uuid": "${uuid}"},
      {"type": "assert-ref-snapshot-id", "ref": "main", "snapshot-id": null}],
    "updates": [
      {"action": "add-snapshot", "snapshot": {"snapshot-id": ${id}, "sequence-number": 1,
        "timestamp-ms": ${Date.now()}, "manifest-list": "${list}", "schema-id": 0,
        "summary": {"operation": "append", "engine-name": "spark", "total-records": "0"}}},
      {"action": "set-snapshot-ref", "ref-name": "main", "type": "branch", "snapshot-id": ${id}}]}`;
}

test("config advertises what is served, and only that", async () => {
  await using given = await served();
  const { json } = await given.ask("GET", "/config");
  assert.ok(json.endpoints.includes("POST /v1/{prefix}/transactions/commit"));
  assert.ok(json.endpoints.includes("HEAD /v1/{prefix}/namespaces/{namespace}/tables/{table}"));
  assert.ok(!json.endpoints.some((endpoint: string) => endpoint.includes("plan")));
});

test("a new table gets ids of the catalog's own, in its schema, spec and order", async () => {
  await using given = await withTable();
  const { json } = await given.ask("POST", "/namespaces/main/tables", {
    name: "laid-out",
    schema: SCHEMA,
    "partition-spec": {
      "spec-id": 3,
      fields: [{ "source-id": 10, "field-id": 5000, name: "day", transform: "month" }],
    },
    "write-order": {
      "order-id": 4,
      fields: [
        { "source-id": 40, transform: "identity", direction: "desc", "null-order": "nulls-last" },
      ],
    },
    properties: { "format-version": "2", topic: "x" },
  });
  const { metadata } = json;
  assert.deepEqual(
    metadata.schemas[0].fields.map((field: { id: number }) => field.id),
    [1, 2, 3],
  );
  assert.equal(metadata.schemas[0].fields[1].type["element-id"], 4);
  assert.equal(metadata["last-column-id"], 4);
  assert.deepEqual(metadata["partition-specs"], [
    {
      "spec-id": 0,
      fields: [{ "source-id": 3, "field-id": 1000, name: "day", transform: "month" }],
    },
  ]);
  assert.equal(metadata["default-sort-order-id"], 1);
  assert.deepEqual(metadata.properties, { topic: "x" });
});

test("a 63-bit snapshot id is committed, stored, answered and compared exactly", async () => {
  await using given = await withTable();
  const list = "file:///gone.avro";
  const { status, text } = await given.ask(
    "POST",
    "/namespaces/main/tables/t",
    snapshotCommit(given.uuid, LARGE_ID, list),
  );
  assert.equal(status, 200, text);
  assert.match(text, new RegExp(`"current-snapshot-id":${LARGE_ID}[,}]`));
  const loaded = await given.ask("GET", "/namespaces/main/tables/t");
  assert.match(loaded.text, new RegExp(`"current-snapshot-id":${LARGE_ID}[,}]`));
  const file = await readFile(fileURLToPath(loaded.json["metadata-location"]), "utf8");
  assert.match(file, new RegExp(`"current-snapshot-id":${LARGE_ID}[,}]`));
  const stale = `{"requirements": [{"type": "assert-ref-snapshot-id", "ref": "main", "snapshot-id": ${LARGE_ID - 1n}}], "updates": []}`;
  assert.equal((await given.ask("POST", "/namespaces/main/tables/t", stale)).status, 409);
});

test("a commit is an Execution with who made it, from the parent to the new state", async () => {
  await using given = await withTable();
  await given.ask(
    "POST",
    "/namespaces/main/tables/t",
    snapshotCommit(given.uuid, 7n, "file:///gone.avro"),
  );
  const { executions } = await given.metadata.getExecutionsByType({ typeName: "WarehouseCommit" });
  const [execution] = executions;
  assert.ok(execution);
  const text = JSON.stringify(propertiesOf(execution), (_key, value) =>
    typeof value === "bigint" ? String(value) : value,
  );
  for (const fact of ["main.t", "add-snapshot, set-snapshot-ref", "local", "test/1", "spark"]) {
    assert.ok(text.includes(fact), `${fact} in ${text}`);
  }
  const { events } = await given.metadata.getEventsByExecutionIDs({ executionIds: [execution.id] });
  assert.equal(events.length, 2);
});

test("tables of one transaction change together or not at all", async () => {
  await using given = await withTable();
  const other = await given.ask("POST", "/namespaces/main/tables", { name: "u", schema: SCHEMA });
  const change = (name: string, uuid: string) => ({
    identifier: { namespace: ["main"], name },
    requirements: [{ type: "assert-table-uuid", uuid }],
    updates: [{ action: "set-properties", updates: { changed: "yes" } }],
  });
  const both = (uuid: string) => ({
    "table-changes": [change("t", given.uuid), change("u", uuid)],
  });
  const refused = await given.ask("POST", "/transactions/commit", both("another"));
  assert.equal(refused.status, 409);
  assert.equal(refused.json.error.type, "CommitFailedException");
  const before = await given.ask("GET", "/namespaces/main/tables/t");
  assert.deepEqual(before.json.metadata.properties, {});
  const done = await given.ask(
    "POST",
    "/transactions/commit",
    both(other.json.metadata["table-uuid"]),
  );
  assert.equal(done.status, 204);
  for (const name of ["t", "u"]) {
    const after = await given.ask("GET", `/namespaces/main/tables/${name}`);
    assert.deepEqual(after.json.metadata.properties, { changed: "yes" });
  }
});

test("16 writers that race lose nothing, and each of them is told what became of it", async () => {
  await using given = await withTable();
  const commits = Array.from({ length: 16 }, (_, writer) =>
    given.ask("POST", "/namespaces/main/tables/t", {
      requirements: [{ type: "assert-table-uuid", uuid: given.uuid }],
      updates: [{ action: "set-properties", updates: { [`writer-${writer}`]: "done" } }],
    }),
  );
  const answers = await Promise.all(commits);
  assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]));
  const { json } = await given.ask("GET", "/namespaces/main/tables/t");
  assert.equal(Object.keys(json.metadata.properties).length, 16);
  assert.equal(json.metadata["metadata-log"].length, 16);
});

test("a staged table is nowhere until its first commit, and its folders are there at once", async () => {
  await using given = await withTable();
  const staged = await given.ask("POST", "/namespaces/main/tables", {
    name: "s",
    schema: SCHEMA,
    "stage-create": true,
  });
  const { location } = staged.json.metadata;
  await access(join(fileURLToPath(location), "data"));
  assert.equal((await given.ask("HEAD", "/namespaces/main/tables/s")).status, 404);
  const { schemas, "table-uuid": uuid } = staged.json.metadata;
  const created = await given.ask("POST", "/namespaces/main/tables/s", {
    requirements: [{ type: "assert-create" }],
    updates: [
      { action: "assign-uuid", uuid },
      { action: "upgrade-format-version", "format-version": 2 },
      { action: "add-schema", schema: schemas[0], "last-column-id": 4 },
      { action: "set-current-schema", "schema-id": -1 },
      { action: "add-spec", spec: { "spec-id": 0, fields: [] } },
      { action: "set-default-spec", "spec-id": -1 },
      { action: "add-sort-order", "sort-order": { "order-id": 0, fields: [] } },
      { action: "set-default-sort-order", "sort-order-id": -1 },
      { action: "set-location", location },
    ],
  });
  assert.equal(created.status, 200, created.text);
  assert.equal(created.json.metadata["table-uuid"], uuid);
  assert.deepEqual(await given.warehouse.tables(), ["main.s", "main.t"]);
});

test("a table that is renamed keeps its rows, and its old name is free", async () => {
  await using given = await served();
  await given.recorder.step("Load", {}, (step) =>
    given.warehouse.load(step, "main.old", { relation: "(SELECT 1 AS id)" }),
  );
  const destination = { namespace: ["main"], name: "new" };
  const rename = { source: { namespace: ["main"], name: "old" }, destination };
  assert.equal((await given.ask("POST", "/tables/rename", rename)).status, 204);
  await given.recorder.step("Load", {}, (step) =>
    given.warehouse.load(step, "main.old", { relation: "(SELECT 2 AS id)" }),
  );
  const rows = async (table: string) =>
    given.engine.rows(`SELECT * FROM ${(await given.warehouse.table(table)).relation}`);
  assert.deepEqual(await rows("main.new"), [{ id: 1 }]);
  assert.deepEqual(await rows("main.old"), [{ id: 2 }]);
});

test("a purge deletes the files, a plain drop leaves them and the table can be registered again", async () => {
  await using given = await served();
  await given.recorder.step("Load", {}, (step) =>
    given.warehouse.load(step, "main.t", { relation: "(SELECT 1 AS id)" }),
  );
  const { json } = await given.ask("GET", "/namespaces/main/tables/t");
  const location = json["metadata-location"];
  assert.equal((await given.ask("DELETE", "/namespaces/main/tables/t")).status, 204);
  await given.ask("POST", "/namespaces", { namespace: ["main"] });
  const back = await given.ask("POST", "/namespaces/main/register", {
    name: "back",
    "metadata-location": location,
  });
  assert.equal(back.status, 200, back.text);
  assert.equal((await given.warehouse.table("main.back")).rowCount, 1);
  assert.equal(
    (await given.ask("DELETE", "/namespaces/main/tables/back?purgeRequested=true")).status,
    204,
  );
  await assert.rejects(access(fileURLToPath(location)));
});

test("namespaces are nested, have properties, and are dropped when they are empty", async () => {
  await using given = await withTable();
  const inner = ["main", "in", "deep é"];
  assert.equal((await given.ask("POST", "/namespaces", { namespace: inner })).status, 200);
  assert.deepEqual((await given.ask("GET", "/namespaces")).json.namespaces, [["main"]]);
  assert.deepEqual((await given.ask("GET", "/namespaces?parent=main%1Fin")).json.namespaces, [
    inner,
  ]);
  const change = { updates: { owner: "bob" }, removals: ["gone"] };
  const changed = await given.ask("POST", "/namespaces/main/properties", change);
  assert.deepEqual(changed.json, { updated: ["owner"], removed: [], missing: ["gone"] });
  assert.deepEqual((await given.ask("GET", "/namespaces/main")).json.properties, { owner: "bob" });
  const path = `/namespaces/${encodeURIComponent(inner.join("\u001f"))}`;
  assert.equal((await given.ask("DELETE", "/namespaces/main")).status, 409);
  assert.equal((await given.ask("DELETE", path)).status, 204);
  assert.equal((await given.ask("HEAD", path)).status, 404);
});

test("a view is made, replaced, renamed and dropped, and shares its name with no table", async () => {
  await using given = await withTable();
  const version = (sql: string) => ({
    "version-id": 1,
    "schema-id": 0,
    "timestamp-ms": 1,
    summary: { "engine-name": "spark" },
    representations: [{ type: "sql", sql, dialect: "spark" }],
    "default-namespace": ["main"],
  });
  const body = {
    name: "v",
    schema: SCHEMA,
    "view-version": version("SELECT 1"),
    properties: { comment: "c" },
  };
  const made = await given.ask("POST", "/namespaces/main/views", body);
  assert.equal(made.status, 200, made.text);
  const uuid = made.json.metadata["view-uuid"];
  const replaced = await given.ask("POST", "/namespaces/main/views/v", {
    requirements: [{ type: "assert-view-uuid", uuid }],
    updates: [
      { action: "add-schema", schema: SCHEMA },
      { action: "add-view-version", "view-version": { ...version("SELECT 2"), "schema-id": -1 } },
      { action: "set-current-view-version", "view-version-id": -1 },
    ],
  });
  assert.equal(replaced.status, 200, replaced.text);
  const loaded = await given.ask("GET", "/namespaces/main/views/v");
  assert.equal(loaded.json.metadata["current-version-id"], 2);
  assert.equal(loaded.json.metadata.versions[1].representations[0].sql, "SELECT 2");
  assert.equal(loaded.json.metadata["version-log"].length, 2);
  const stale = { requirements: [{ type: "assert-view-uuid", uuid: "other" }], updates: [] };
  assert.equal((await given.ask("POST", "/namespaces/main/views/v", stale)).status, 409);
  const table = await given.ask("POST", "/namespaces/main/tables", { name: "v", schema: SCHEMA });
  assert.equal(table.json.error.type, "AlreadyExistsException");
  const other = await given.ask("POST", "/namespaces/main/views", { ...body, name: "t" });
  assert.equal(other.json.error.type, "AlreadyExistsException");
  const to = { namespace: ["main"], name: "w" };
  const rename = { source: { namespace: ["main"], name: "v" }, destination: to };
  assert.equal((await given.ask("POST", "/views/rename", rename)).status, 204);
  assert.deepEqual((await given.ask("GET", "/namespaces/main/views")).json.identifiers, [to]);
  assert.equal((await given.ask("DELETE", "/namespaces/main/views/w")).status, 204);
  const gone = await given.ask("GET", "/namespaces/main/views/w");
  assert.deepEqual([gone.status, gone.json.error.type], [404, "NoSuchViewException"]);
});

test("lists are given in pages when that is asked for", async () => {
  await using given = await served();
  for (const name of ["a", "b", "c"]) await given.ask("POST", "/namespaces", { namespace: [name] });
  const first = await given.ask("GET", "/namespaces?pageSize=2");
  assert.deepEqual(first.json.namespaces, [["a"], ["b"]]);
  const second = await given.ask(
    "GET",
    `/namespaces?pageSize=2&pageToken=${first.json["next-page-token"]}`,
  );
  assert.deepEqual(second.json, { namespaces: [["c"]] });
  assert.equal((await given.ask("GET", "/namespaces?pageSize=none")).status, 400);
});

test("an unchanged table is not sent again", async () => {
  await using given = await withTable();
  const { etag } = await given.ask("GET", "/namespaces/main/tables/t");
  assert.ok(etag);
  const again = await given.ask("GET", "/namespaces/main/tables/t", undefined, {
    "if-none-match": etag,
  });
  assert.equal(again.status, 304);
});

const P = "/namespaces/main/tables/t";
const update = (...updates: object[]) => ({ requirements: [], updates });
const errors: {
  name: string;
  method: string;
  path: string;
  body?: unknown;
  status: number;
  type: string;
}[] = [
  {
    name: "a missing table",
    method: "GET",
    path: "/namespaces/main/tables/none",
    status: 404,
    type: "NoSuchTableException",
  },
  {
    name: "a table in a missing namespace",
    method: "GET",
    path: "/namespaces/none/tables/t",
    status: 404,
    type: "NoSuchTableException",
  },
  {
    name: "a table in an empty namespace",
    method: "GET",
    path: "/namespaces//tables/t",
    status: 404,
    type: "NoSuchTableException",
  },
  {
    name: "a missing namespace",
    method: "GET",
    path: "/namespaces/none",
    status: 404,
    type: "NoSuchNamespaceException",
  },
  {
    name: "tables of a missing namespace",
    method: "GET",
    path: "/namespaces/none/tables",
    status: 404,
    type: "NoSuchNamespaceException",
  },
  {
    name: "a table that is there",
    method: "POST",
    path: "/namespaces/main/tables",
    body: { name: "t", schema: SCHEMA },
    status: 409,
    type: "AlreadyExistsException",
  },
  {
    name: "a namespace that is there",
    method: "POST",
    path: "/namespaces",
    body: { namespace: ["main"] },
    status: 409,
    type: "AlreadyExistsException",
  },
  {
    name: "a table without a schema",
    method: "POST",
    path: "/namespaces/main/tables",
    body: { name: "x" },
    status: 400,
    type: "BadRequestException",
  },
  {
    name: "a name that leads out",
    method: "POST",
    path: "/namespaces/main/tables",
    body: { name: "../x", schema: SCHEMA },
    status: 400,
    type: "BadRequestException",
  },
  {
    name: "a body that is no JSON",
    method: "POST",
    path: P,
    body: "{not",
    status: 400,
    type: "BadRequestException",
  },
  {
    name: "an unknown requirement",
    method: "POST",
    path: P,
    body: { requirements: [{ type: "assert-nothing" }], updates: [] },
    status: 400,
    type: "BadRequestException",
  },
  {
    name: "an unknown update",
    method: "POST",
    path: P,
    body: update({ action: "do-nothing" }),
    status: 400,
    type: "BadRequestException",
  },
  {
    name: "an unknown schema",
    method: "POST",
    path: P,
    body: update({ action: "set-current-schema", "schema-id": 77 }),
    status: 400,
    type: "BadRequestException",
  },
  {
    name: "a ref to an unknown snapshot",
    method: "POST",
    path: P,
    body: update({
      action: "set-snapshot-ref",
      "ref-name": "b",
      type: "branch",
      "snapshot-id": 42,
    }),
    status: 400,
    type: "BadRequestException",
  },
  {
    name: "format version 3",
    method: "POST",
    path: P,
    body: update({ action: "upgrade-format-version", "format-version": 3 }),
    status: 406,
    type: "UnsupportedOperationException",
  },
  {
    name: "a location out of the warehouse",
    method: "POST",
    path: P,
    body: update({ action: "set-location", location: "file:///etc" }),
    status: 403,
    type: "ForbiddenException",
  },
  {
    name: "metadata out of the warehouse",
    method: "POST",
    path: "/namespaces/main/register",
    body: { name: "x", "metadata-location": "file:///etc/passwd" },
    status: 403,
    type: "ForbiddenException",
  },
  {
    name: "a commit to a missing table",
    method: "POST",
    path: "/namespaces/main/tables/none",
    body: update(),
    status: 404,
    type: "NoSuchTableException",
  },
  {
    name: "a rename into a missing namespace",
    method: "POST",
    path: "/tables/rename",
    body: {
      source: { namespace: ["main"], name: "t" },
      destination: { namespace: ["none"], name: "t" },
    },
    status: 404,
    type: "NoSuchNamespaceException",
  },
  {
    name: "an unknown route",
    method: "GET",
    path: "/no/such/route",
    status: 404,
    type: "NotFoundException",
  },
];
test("what cannot be done is told by the names that clients know, and changes nothing", async () => {
  await using given = await withTable();
  const before = (await given.ask("GET", P)).text;
  for (const { name, method, path, body, status, type } of errors) {
    const { json, ...answer } = await given.ask(method, path, body);
    assert.deepEqual(
      [answer.status, json.error.type, json.error.code],
      [status, type, status],
      `${name}: ${answer.text}`,
    );
  }
  assert.equal((await given.ask("GET", P)).text, before);
});
