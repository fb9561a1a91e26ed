import assert from "node:assert/strict";
import { test } from "node:test";
import { engineConformance } from "../engine.conformance.ts";
import { openEngine } from "../open.ts";

engineConformance("duckdb", openEngine);

test("duckdb: no extension is installed or loaded behind the user's back", async () => {
  await using engine = await openEngine();
  await assert.rejects(engine.rows("SELECT * FROM 'https://127.0.0.1:9/x.parquet'"), (error) => {
    assert.match(String(error), /httpfs/);
    return true;
  });
});
