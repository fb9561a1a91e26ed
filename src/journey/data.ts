import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { WaybillError } from "../foundation/index.ts";

/** The package whose files the journey follows. */
export const DATA_PACKAGE = "vega-datasets@3.2.1";

/** A file of the journey, as its package describes it. */
export interface DataFile {
  readonly name: string;
  readonly path: string;
  readonly sizeBytes: number;
  /** Who published the data. */
  readonly source: string;
  readonly licence: string;
}

/** The files of the journey, and what they are called when they are shown. */
const FILES: Readonly<Record<string, string>> = {
  "flights-3m.parquet": "US DOT, Bureau of Transportation Statistics",
  "airports.csv": "data.gov",
  "birdstrikes.csv": "FAA Wildlife Strike Database",
};

interface Resource {
  readonly path: string;
  readonly hash: string;
  readonly bytes: number;
  readonly licenses?: readonly { readonly name?: string; readonly title?: string }[];
}

/**
 * Finds the journey's files: in the working folder's packages first, then in this one's. Each is held
 * against the digest that its package names.
 * @throws `not_found` when the package is not installed; `data_loss` when a file is not what it should be
 */
export async function findDataFiles(): Promise<DataFile[]> {
  const folder = findPackage();
  const descriptor: { resources: Resource[] } = JSON.parse(
    await readFile(join(folder, "datapackage.json"), "utf8"),
  );
  return Promise.all(
    Object.entries(FILES).map(async ([name, source]) => {
      const resource = descriptor.resources.find(({ path }) => path === name);
      const path = join(folder, "data", name);
      if (resource === undefined) {
        throw new WaybillError("not_found", `${DATA_PACKAGE} does not describe "${name}".`);
      }
      await checkBlob(path, resource);
      const [licence] = resource.licenses ?? [];
      const sizeBytes = resource.bytes;
      return {
        name,
        path,
        sizeBytes,
        source,
        licence: licence?.name ?? licence?.title ?? "none stated",
      };
    }),
  );
}

/** True when the data is there. */
export function hasDataPackage(): boolean {
  try {
    findPackage();
    return true;
  } catch {
    return false;
  }
}

function findPackage(): string {
  const places = [pathToFileURL(join(process.cwd(), "package.json")).href, import.meta.url];
  for (const place of places) {
    for (const folder of createRequire(place).resolve.paths("vega-datasets") ?? []) {
      const candidate = join(folder, "vega-datasets");
      if (existsSync(join(candidate, "datapackage.json"))) return candidate;
    }
  }
  throw new WaybillError("not_found", "The journey's data is not installed.", {
    hint: `Run: npm install ${DATA_PACKAGE}   (42 MB of public data), then again: waybill demo`,
  });
}

/** The package names each file by its git blob digest. */
async function checkBlob(path: string, { hash }: Resource): Promise<void> {
  const bytes = await readFile(path);
  const digest = createHash("sha1").update(`blob ${bytes.length}\0`).update(bytes).digest("hex");
  if (`sha1:${digest}` !== hash) {
    throw new WaybillError(
      "data_loss",
      `"${path}" is not the file that ${DATA_PACKAGE} describes.`,
      {
        hint: `Install it again: npm install ${DATA_PACKAGE}`,
      },
    );
  }
}
