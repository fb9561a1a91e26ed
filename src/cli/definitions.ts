import { readFile } from "node:fs/promises";
import { extname } from "node:path";
import type { Definitions } from "../features/index.ts";
import { WaybillError } from "../foundation/index.ts";
import { explain } from "./failure.ts";

/**
 * Feature definitions from files of YAML or JSON, together.
 * @throws `not_found`, `invalid_argument` naming the file and the place in it
 */
export async function readDefinitions(paths: readonly string[]): Promise<Definitions> {
  const { parseDefinitions } = await import("../features/index.ts");
  const all = [];
  for (const path of paths) all.push(parseDefinitions(await readData(path), path));
  return {
    entities: all.flatMap(({ entities }) => entities ?? []),
    sources: all.flatMap(({ sources }) => sources ?? []),
    featureViews: all.flatMap(({ featureViews }) => featureViews ?? []),
    onDemandFeatureViews: all.flatMap(({ onDemandFeatureViews }) => onDemandFeatureViews ?? []),
    featureServices: all.flatMap(({ featureServices }) => featureServices ?? []),
  };
}

async function readData(path: string): Promise<unknown> {
  const text = await readFile(path, "utf8");
  try {
    if (extname(path).toLowerCase() === ".json") return JSON.parse(text);
    const { parse } = await import("yaml");
    return parse(text);
  } catch (caught) {
    const [message] = explain(caught).message.split("\n");
    throw new WaybillError("invalid_argument", `"${path}" cannot be read: ${message}`, {
      hint: "Definitions are in YAML, or in JSON in a file that ends in .json.",
      cause: caught,
    });
  }
}
