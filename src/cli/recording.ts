import { existsSync } from "node:fs";
import { glob, stat } from "node:fs/promises";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import {
  type Artifact,
  Artifact_State,
  ListOperationOptions_OrderByField_Field,
} from "../../gen/ml_metadata/proto/metadata_store_pb.ts";
import { digestFile } from "../foundation/index.ts";
import type { Properties, Step } from "../metadata/index.ts";
import type { Project } from "../project/index.ts";
import { findHome } from "./home.ts";
import { openProject } from "./project.ts";
import type { Session } from "./session.ts";

/** Files that a command reads, as inputs of its step: the artifact type to know them by, and where. */
export interface InputFiles {
  readonly type: string;
  readonly paths: readonly string[];
  /** Leaves out what nothing is known of, in place of recording it as imported. */
  readonly onlyKnown?: boolean;
}

/** What a command's step is recorded with. */
export interface Recording {
  readonly inputs?: Readonly<Record<string, InputFiles>>;
  readonly parameters?: Properties;
}

/**
 * Runs `body` as a step of the project that is found, or, where there is none, in a store in memory: a
 * command on plain files works anywhere and leaves nothing behind but what it was asked for.
 */
export async function recordStep<T>(
  session: Session,
  type: string,
  recording: Recording,
  body: (step: Step, project: Project | undefined) => Promise<T>,
): Promise<T> {
  const { signal } = session;
  const parameters = recording.parameters ?? {};
  if (findHome(session) !== undefined) {
    const project = await openProject(session);
    const inputs = await inputArtifacts(project, recording.inputs ?? {}, signal);
    const { recorder } = project;
    const { value } = await recorder.step(type, { inputs, parameters, signal }, (step) =>
      body(step, project),
    );
    return value;
  }
  session.log.log("info", "no project here: nothing is recorded");
  const { createRecorder, openMetadataStore } = await import("../metadata/index.ts");
  const { log, progress } = session;
  await using store = await openMetadataStore("memory:");
  const recorder = createRecorder(store, { log, progress, signal });
  const { value } = await recorder.step(type, { parameters, signal }, (step) =>
    body(step, undefined),
  );
  return value;
}

/** A local path as the URI that artifacts are known by. */
export function fileUri(path: string): string {
  return pathToFileURL(resolve(path)).href;
}

/** The artifacts that stand for input files, imported where nothing is known of them. */
export async function inputArtifacts(
  project: Project,
  inputs: Readonly<Record<string, InputFiles>>,
  signal: AbortSignal,
): Promise<Record<string, Artifact[]>> {
  const found: Record<string, Artifact[]> = {};
  for (const [key, { type, paths, onlyKnown }] of Object.entries(inputs)) {
    const artifacts: Artifact[] = [];
    for (const path of await expand(paths)) {
      const known = await knownArtifact(project, path, signal, onlyKnown === true);
      if (known !== undefined) artifacts.push(known);
      else if (onlyKnown !== true) artifacts.push(await importFile(project, type, path, signal));
    }
    if (artifacts.length > 0) found[key] = artifacts;
  }
  return found;
}

/** Paths with globs in them as the files they name. What names nothing stays, for the error it gives. */
async function expand(paths: readonly string[]): Promise<string[]> {
  const expanded: string[] = [];
  for (const path of paths) {
    const matches = existsSync(path) ? [path] : (await Array.fromAsync(glob(path))).sort();
    expanded.push(...(matches.length === 0 ? [path] : matches));
  }
  return expanded;
}

/**
 * The artifact that has exactly the bytes of a file: where it is recorded to be, or wherever equal bytes
 * are (a version, a raw file in the lake), the newest first.
 * @param isHintOnly reads the file only when something of its size is known
 */
async function knownArtifact(
  project: Project,
  path: string,
  signal: AbortSignal,
  isHintOnly: boolean,
): Promise<Artifact | undefined> {
  const info = await stat(path);
  if (!info.isFile()) return undefined;
  if (
    isHintOnly &&
    (await newestWith(project, "size_bytes", `int_value = ${info.size}`)).length === 0
  ) {
    return undefined;
  }
  const { digest } = await digestFile("sha256", path, { signal });
  const equal = await newestWith(project, "sha256", `string_value = '${digest}'`);
  const uri = fileUri(path);
  return equal.find((artifact) => artifact.uri === uri) ?? equal[0];
}

/** Artifacts with a property, declared by their type or not, the newest of each kind first. */
async function newestWith(project: Project, name: string, condition: string): Promise<Artifact[]> {
  const found: Artifact[] = [];
  // Asked one after the other: a query that names both finds only what has both.
  for (const kind of ["custom_properties", "properties"]) {
    const { artifacts } = await project.store.getArtifacts({
      options: {
        filterQuery: `${kind}.${name}.${condition}`,
        orderByField: { field: ListOperationOptions_OrderByField_Field.ID, isAsc: false },
        maxResultSize: EQUAL_ARTIFACTS_MAX,
      },
    });
    found.push(...artifacts.filter(({ state }) => state !== Artifact_State.DELETED));
  }
  return found;
}

/** Records a file that came from outside, by a step of TFX's type Importer. */
async function importFile(
  project: Project,
  type: string,
  path: string,
  signal: AbortSignal,
): Promise<Artifact> {
  const { digest: sha256, sizeBytes } = await digestFile("sha256", path, { signal });
  const uri = fileUri(path);
  const { value } = await project.recorder.step(
    "Importer",
    { parameters: { uri }, signal },
    async (step) =>
      step.output("result", type, {
        uri,
        customProperties: { sha256, size_bytes: BigInt(sizeBytes) },
      }),
  );
  return value;
}

/** Equal bytes are recorded in a few places; more than this are not looked through. */
const EQUAL_ARTIFACTS_MAX = 100;
