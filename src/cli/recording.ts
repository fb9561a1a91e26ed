import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { Artifact } from "../../gen/ml_metadata/proto/metadata_store_pb.ts";
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

async function inputArtifacts(
  project: Project,
  inputs: Readonly<Record<string, InputFiles>>,
  signal: AbortSignal,
): Promise<Record<string, Artifact[]>> {
  const found: Record<string, Artifact[]> = {};
  for (const [key, { type, paths }] of Object.entries(inputs)) {
    found[key] = [];
    for (const path of paths) found[key].push(await fileArtifact(project, type, path, signal));
  }
  return found;
}

/**
 * The artifact that has exactly the bytes of a file: where it is recorded to be, or wherever equal bytes
 * are (a version, a raw file in the lake), the newest first. Where nothing is known of such bytes they
 * are recorded as imported, by a step of TFX's type Importer.
 */
async function fileArtifact(
  project: Project,
  type: string,
  path: string,
  signal: AbortSignal,
): Promise<Artifact> {
  const { digest: sha256, sizeBytes } = await digestFile("sha256", path, { signal });
  const { artifacts } = await project.store.getArtifacts({
    options: {
      filterQuery: `custom_properties.sha256.string_value = '${sha256}'`,
      orderByField: { field: 3, isAsc: false },
      maxResultSize: 20,
    },
  });
  const uri = fileUri(path);
  const known = artifacts.find((each) => each.uri === uri) ?? artifacts[0];
  if (known !== undefined) return known;
  const { value } = await project.recorder.step(
    "Importer",
    { parameters: { uri }, signal },
    (step) =>
      Promise.resolve(
        step.output("result", type, {
          uri,
          customProperties: { sha256, size_bytes: BigInt(sizeBytes) },
        }),
      ),
  );
  return value;
}
