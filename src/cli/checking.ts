import { stat } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import {
  type Artifact,
  Artifact_State,
  type Execution,
  Execution_State,
} from "../../gen/ml_metadata/proto/metadata_store_pb.ts";
import { contentDigest, type MetadataStore } from "../metadata/index.ts";
import { hasDigest } from "../project/index.ts";
import type { Session } from "./session.ts";

/** Something in a store that is not as it should be. */
export interface Finding {
  /** `artifact:12` or `execution:5`. */
  readonly node: string;
  readonly type: string;
  readonly finding: string;
  readonly where: string;
}

interface Checked {
  readonly counts: Readonly<Record<string, number>>;
  readonly findings: readonly Finding[];
}

const PAGE_SIZE = 100;
/** A step that runs for longer than this without an end was most likely killed. */
const RUNNING_MAX_MS = 24 * 3_600_000;

/**
 * Walks through all artifacts and executions of a store: live artifacts that are files must be there, with
 * their recorded digest when `read` is set; an execution does not run for days.
 */
export async function checkStore(
  store: MetadataStore,
  options: { readonly read: boolean; readonly session: Session },
): Promise<Checked> {
  const { read, session } = options;
  const { progress, signal } = session;
  const findings: Finding[] = [];
  const counts = { artifacts: 0, executions: 0, contexts: 0, files: 0 };
  for await (const artifact of artifactsOf(store)) {
    signal.throwIfAborted();
    counts.artifacts++;
    progress.report("checking artifacts", counts.artifacts, undefined, "artifacts");
    const path = pathOf(artifact);
    if (path === undefined) continue;
    counts.files++;
    const finding = await fileFinding(artifact, path, read, signal);
    if (finding === undefined) continue;
    findings.push({
      node: `artifact:${artifact.id}`,
      type: artifact.type,
      finding,
      where: artifact.uri,
    });
  }
  for await (const execution of executionsOf(store)) {
    signal.throwIfAborted();
    counts.executions++;
    const { id, type, lastKnownState, lastUpdateTimeSinceEpoch } = execution;
    const isStuck =
      lastKnownState === Execution_State.RUNNING &&
      Date.now() - Number(lastUpdateTimeSinceEpoch) > RUNNING_MAX_MS;
    if (!isStuck) continue;
    const where = new Date(Number(lastUpdateTimeSinceEpoch)).toISOString();
    findings.push({ node: `execution:${id}`, type, finding: "runs since days", where });
  }
  counts.contexts = await contextCount(store);
  return { counts, findings };
}

/** Where a live artifact's one file is, if it is a file of this machine. */
function pathOf({ state, uri }: Artifact): string | undefined {
  const isLive = state === Artifact_State.LIVE || state === Artifact_State.UNKNOWN;
  if (!isLive || !uri.startsWith("file:///") || uri.includes("#")) return undefined;
  try {
    return fileURLToPath(uri);
  } catch {
    return undefined;
  }
}

async function fileFinding(
  artifact: Artifact,
  path: string,
  read: boolean,
  signal: AbortSignal,
): Promise<string | undefined> {
  const info = await stat(path).catch(() => undefined);
  if (info === undefined) return "gone";
  if (!read || !info.isFile() || contentDigest(artifact) === undefined) return undefined;
  return (await hasDigest(path, artifact, { signal })) ? undefined : "other bytes than recorded";
}

async function* artifactsOf(store: MetadataStore): AsyncIterable<Artifact> {
  for (let nextPageToken = ""; ; ) {
    const page = await store.getArtifacts({
      options: { maxResultSize: PAGE_SIZE, ...(nextPageToken === "" ? {} : { nextPageToken }) },
    });
    yield* page.artifacts;
    nextPageToken = page.nextPageToken;
    if (nextPageToken === "") return;
  }
}

async function* executionsOf(store: MetadataStore): AsyncIterable<Execution> {
  for (let nextPageToken = ""; ; ) {
    const page = await store.getExecutions({
      options: { maxResultSize: PAGE_SIZE, ...(nextPageToken === "" ? {} : { nextPageToken }) },
    });
    yield* page.executions;
    nextPageToken = page.nextPageToken;
    if (nextPageToken === "") return;
  }
}

async function contextCount(store: MetadataStore): Promise<number> {
  let count = 0;
  for (let nextPageToken = ""; ; ) {
    const page = await store.getContexts({
      options: { maxResultSize: PAGE_SIZE, ...(nextPageToken === "" ? {} : { nextPageToken }) },
    });
    count += page.contexts.length;
    nextPageToken = page.nextPageToken;
    if (nextPageToken === "") return count;
  }
}
