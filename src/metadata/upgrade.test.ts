import assert from "node:assert/strict";
import { mkdtempDisposable, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { openSqlite } from "../database/index.ts";
import { openMetadataStore, upgradeMetadataStore } from "./index.ts";

/** The layout of the first version, as ml-metadata made it (the versions between are peer-tested). */
const VERSION_0 = [
  "CREATE TABLE Type (id INTEGER PRIMARY KEY AUTOINCREMENT, name VARCHAR(255) NOT NULL, is_artifact_type TINYINT(1) NOT NULL, input_type TEXT, output_type TEXT)",
  "CREATE TABLE TypeProperty (type_id INT NOT NULL, name VARCHAR(255) NOT NULL, data_type INT NULL, PRIMARY KEY (type_id, name))",
  ...["Artifact", "Execution"].flatMap((table) => [
    `CREATE TABLE ${table} (id INTEGER PRIMARY KEY AUTOINCREMENT, type_id INT NOT NULL${table === "Artifact" ? ", uri TEXT" : ""})`,
    `CREATE TABLE ${table}Property (${table.toLowerCase()}_id INT NOT NULL, name VARCHAR(255) NOT NULL, is_custom_property TINYINT(1) NOT NULL, int_value INT, double_value DOUBLE, string_value TEXT, PRIMARY KEY (${table.toLowerCase()}_id, name, is_custom_property))`,
  ]),
  "CREATE TABLE Event (id INTEGER PRIMARY KEY AUTOINCREMENT, artifact_id INT NOT NULL, execution_id INT NOT NULL, type INT NOT NULL, milliseconds_since_epoch INT)",
  "CREATE TABLE EventPath (event_id INT NOT NULL, is_index_step TINYINT(1) NOT NULL, step_index INT, step_key TEXT)",
  "INSERT INTO Type (id, name, is_artifact_type) VALUES (1, 'Data', 1), (2, 'Train', 0)",
  "INSERT INTO TypeProperty VALUES (1, 'size', 1)",
  "INSERT INTO Artifact (id, type_id, uri) VALUES (1, 1, '/a'), (7, 1, '/gone')",
  "DELETE FROM Artifact WHERE id = 7",
  "INSERT INTO ArtifactProperty (artifact_id, name, is_custom_property, int_value) VALUES (1, 'size', 0, 5)",
  "INSERT INTO Execution (id, type_id) VALUES (1, 2)",
  "INSERT INTO Event (id, artifact_id, execution_id, type) VALUES (1, 1, 1, 3), (2, 1, 1, 3)",
  "INSERT INTO EventPath VALUES (1, 0, NULL, 'data'), (2, 0, NULL, 'twice')",
];

test("a store of the first layout is refused until it is upgraded, and keeps its rows then", async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), "waybill-upgrade-"));
  const file = join(folder.path, "m.db");
  {
    await using database = await openSqlite(file);
    await database.write(async (tx) => {
      for (const statement of VERSION_0) await tx.run(statement);
    });
  }
  const before = await readFile(file);
  await assert.rejects(openMetadataStore(file), {
    code: "failed_precondition",
    message: /has schema version 0, this Waybill needs 10/,
    hint: /waybill metadata upgrade/,
  });
  assert.deepEqual(await readFile(file), before);

  const backup = `${file}.v0.backup`;
  assert.deepEqual(await upgradeMetadataStore(`sqlite:${file}`), { from: 0, to: 10, backup });
  await assert.rejects(openMetadataStore(backup), { message: /schema version 0/ });

  await using store = await openMetadataStore(file);
  const { artifacts } = await store.getArtifacts({});
  assert.deepEqual(
    artifacts.map(({ id, uri, type }) => [id, uri, type]),
    [[1n, "/a", "Data"]],
  );
  assert.equal(artifacts[0]?.properties["size"]?.value.value, 5n);
  const { events } = await store.getEventsByArtifactIDs({ artifactIds: [1n] });
  assert.deepEqual(
    events.map((event) => event.path?.steps.map((step) => step.value.value)),
    [["data"]],
    "a use that was recorded twice is one event",
  );
  const put = await store.putArtifacts({ artifacts: [{ typeId: 1n }] });
  assert.deepEqual(put.artifactIds, [8n], "an id that was given once is not given again");
  const { typeId } = await store.putArtifactType({ artifactType: { name: "New", baseType: 1 } });
  assert.ok(typeId > 11n, "the system types are there");
});

test("upgrading a store that is up to date does nothing", async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), "waybill-upgrade-"));
  const file = join(folder.path, "m.db");
  {
    await using _store = await openMetadataStore(file);
  }
  assert.deepEqual(await upgradeMetadataStore(file), { from: 10, to: 10, backup: undefined });
  await assert.rejects(upgradeMetadataStore("memory:"), { code: "invalid_argument" });
});
