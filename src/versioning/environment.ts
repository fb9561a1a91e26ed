import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { canonicalJson, digestFile, digestOf } from "../foundation/index.ts";

/** What a computation ran in: equal digests are equal as far as can be told. */
export interface EnvironmentVersion {
  /** Sha256 over everything below. */
  readonly digest: string;
  readonly nodeVersion: string;
  readonly platform: string;
  readonly architecture: string;
  /** Sha256 of each lock file of the project, by its name. */
  readonly lockFiles: Readonly<Record<string, string>>;
  /** The container image, where whoever started the container says which: best its digest. */
  readonly containerImage: string | undefined;
}

/** Files that pin what is installed, or what infrastructure it runs on. */
const LOCK_FILES: readonly string[] = [
  ".terraform.lock.hcl",
  "Cargo.lock",
  "Pipfile.lock",
  "bun.lock",
  "conda-lock.yml",
  "go.sum",
  "npm-shrinkwrap.json",
  "package-lock.json",
  "pdm.lock",
  "pnpm-lock.yaml",
  "poetry.lock",
  "requirements.txt",
  "uv.lock",
  "yarn.lock",
];
/** A process cannot see its own image's digest; these are where deployments put it. */
const IMAGE_VARIABLES = ["WAYBILL_CONTAINER_IMAGE", "CONTAINER_IMAGE_DIGEST", "IMAGE_DIGEST"];

/**
 * Describes the environment of this process for the project in `folder`: lock files are taken from the
 * nearest folder upwards that has any.
 * @param options.variables the environment variables to read, by default the process's own
 */
export async function environmentVersion(
  folder: string,
  options: { readonly variables?: Readonly<Record<string, string | undefined>> } = {},
): Promise<EnvironmentVersion> {
  const variables = options.variables ?? process.env;
  const facts = {
    nodeVersion: process.version,
    platform: process.platform,
    architecture: process.arch,
    lockFiles: await lockFileDigests(resolve(folder)),
    containerImage: IMAGE_VARIABLES.map((name) => variables[name]).find(
      (value) => value !== undefined && value !== "",
    ),
  };
  return { ...facts, digest: digestOf("sha256", canonicalJson(facts)) };
}

async function lockFileDigests(folder: string): Promise<Record<string, string>> {
  const digests: Record<string, string> = {};
  for (const name of LOCK_FILES) {
    const path = join(folder, name);
    if (existsSync(path)) digests[name] = (await digestFile("sha256", path)).digest;
  }
  const parent = dirname(folder);
  const isProjectRoot = existsSync(join(folder, ".git"));
  if (Object.keys(digests).length > 0 || isProjectRoot || parent === folder) return digests;
  return lockFileDigests(parent);
}
