import { createRequire } from "node:module";
import { test } from "node:test";
import { type MetadataStore, openMetadataStore } from "./index.ts";
import { LAYOUT_TABLES, tableNames } from "./rdbms/layout.ts";
import { storeConformance } from "./store.conformance.ts";

for (const { name, variable, packageName } of [
  { name: "MySQL", variable: "WAYBILL_TEST_MYSQL_URL", packageName: "mysql2" },
  { name: "PostgreSQL", variable: "WAYBILL_TEST_POSTGRES_URL", packageName: "pg" },
]) {
  const server = process.env[variable];
  if (server === undefined || !isInstalled(packageName)) {
    const why = server === undefined ? "no server was started" : `${packageName} is not installed`;
    test(`metadata store: ${name}`, { skip: why }, () => {});
    continue;
  }
  // One database for all tests, emptied for each: making one takes longer than a test. It stays behind on
  // the server, which the test run has on a temporary folder.
  const url = new URL(server);
  url.pathname = `/waybill_store_${process.pid}`;
  storeConformance(name, async () => {
    {
      await using store = await openMetadataStore(url.href);
      await empty(store);
    }
    return openMetadataStore(url.href);
  });
}

/** Removes every row and starts the ids again; opening the store puts the system's types back. */
async function empty(store: MetadataStore): Promise<void> {
  await store.transaction(async (_, rows) => {
    const tables = (await tableNames(rows)).filter((table) => table !== "mlmdenv");
    const names = LAYOUT_TABLES.filter((table) => tables.includes(table.toLowerCase()));
    for (const table of names) await rows.run(`DELETE FROM ${table}`);
    for (const table of ["Type", "Artifact", "Execution", "Context"]) {
      await rows.run(
        rows.dialect.name === "postgres"
          ? `ALTER SEQUENCE ${table}_id_seq RESTART`
          : `ALTER TABLE ${table} AUTO_INCREMENT = 1`,
      );
    }
  });
}

function isInstalled(packageName: string): boolean {
  try {
    createRequire(import.meta.url).resolve(packageName);
    return true;
  } catch {
    return false;
  }
}
