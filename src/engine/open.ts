import type { DuckDbOptions } from "./duckdb/engine.ts";
import type { Engine } from "./port.ts";

/** Opens the embedded engine. Its native package is loaded here and not before. */
export async function openEngine(options: DuckDbOptions = {}): Promise<Engine> {
  const { openDuckDb } = await import("./duckdb/engine.ts");
  return openDuckDb(options);
}
