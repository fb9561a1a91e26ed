import { test } from "node:test";
import { databaseConformance } from "./database.conformance.ts";
import { openMysql, openPostgres } from "./index.ts";
import { freshDatabases } from "./servers.fixture.ts";

for (const { name, variable, packageName, open } of [
  {
    name: "MySQL",
    variable: "WAYBILL_TEST_MYSQL_URL",
    packageName: "mysql2",
    open: openMysql,
  },
  {
    name: "PostgreSQL",
    variable: "WAYBILL_TEST_POSTGRES_URL",
    packageName: "pg",
    open: openPostgres,
  },
]) {
  const databases = freshDatabases(process.env[variable], packageName);
  if ("missing" in databases) {
    test(`database port: ${name}`, { skip: databases.missing }, () => {});
    continue;
  }
  databaseConformance(name, async () => open(databases.next()));
}
