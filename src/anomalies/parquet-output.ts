import { mkdir, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import type { Artifact } from "../../gen/ml_metadata/proto/metadata_store_pb.ts";
import type { Column, Engine } from "../engine/index.ts";
import { digestFile, syncFolder, temporaryPathFor } from "../foundation/index.ts";
import type { Properties, Step } from "../metadata/index.ts";

/** A query whose rows become one Parquet file. */
export interface ParquetOutput {
  readonly path: string;
  readonly query: string;
  readonly columns: readonly Column[];
}

/**
 * Writes Parquet files. None appears under its name before all are whole and on disk; a throw leaves
 * nothing behind.
 */
export async function writeParquetFiles(
  engine: Engine,
  outputs: readonly ParquetOutput[],
  options: { readonly signal: AbortSignal },
): Promise<void> {
  const files = outputs.map((output) => ({ ...output, temporary: temporaryPathFor(output.path) }));
  try {
    for (const { path, temporary, query, columns } of files) {
      await mkdir(dirname(path), { recursive: true });
      const ids = columns.map(({ name, type }, index) => ({ id: index + 1, name, type }));
      await engine.rows(engine.dialect.copyToParquet(query, temporary, ids), options);
      await syncFile(temporary);
    }
    for (const { path, temporary } of files) {
      await rename(temporary, path);
      await syncFolder(dirname(path));
    }
  } catch (error) {
    for (const { temporary } of files) await rm(temporary, { force: true });
    throw error;
  }
}

/** Declares a file of rows as an output of the step, with the digest of its bytes. */
export async function declareRows(
  step: Step,
  key: string,
  path: string,
  rowCount: bigint,
  facts: Properties = {},
): Promise<Artifact> {
  const { digest, sizeBytes } = await digestFile("sha256", path, { signal: step.signal });
  return step.output(key, "Examples", {
    uri: path,
    customProperties: {
      ...facts,
      sha256: digest,
      size_bytes: BigInt(sizeBytes),
      row_count: rowCount,
    },
  });
}

async function syncFile(path: string): Promise<void> {
  const file = await open(path, "r");
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}
