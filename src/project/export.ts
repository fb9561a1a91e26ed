import type { Artifact } from "../../gen/ml_metadata/proto/metadata_store_pb.ts";
import { digestFile, publishFile } from "../foundation/index.ts";
import type { Lake, LakeFile } from "../lake/index.ts";
import { contentDigest } from "../metadata/index.ts";

/**
 * Brings a file of the lake to a path, atomically and with its digest checked. A file that is there with
 * the same bytes is left alone.
 * @returns the version that now is at the path
 * @throws `not_found` for a name the lake lacks, `data_loss` when its bytes are damaged
 */
export async function exportFromLake(
  lake: Lake,
  name: string,
  path: string,
  options: { readonly version?: bigint; readonly signal?: AbortSignal } = {},
): Promise<LakeFile> {
  const { signal } = options;
  const file = await lake.describe(name, options);
  const watched = signal === undefined ? {} : { signal };
  if (await hasDigest(path, file.artifact, watched)) return file;
  const bytes = await lake.open(name, { version: file.version, ...watched });
  await publishFile(path, (handle) => handle.writeFile(bytes));
  return file;
}

/** Whether a file is there with the bytes that an artifact's recorded digest stands for. */
export async function hasDigest(
  path: string,
  artifact: Artifact,
  options: { readonly signal?: AbortSignal } = {},
): Promise<boolean> {
  const [algorithm, digest] = contentDigest(artifact)?.split(":") ?? [];
  if (algorithm !== "sha256" && algorithm !== "md5") return false;
  const found = await digestFile(algorithm, path, options).catch(() => undefined);
  return found?.digest === digest;
}
