import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { Artifact } from "../../gen/ml_metadata/proto/metadata_store_pb.ts";
import { WaybillError } from "../foundation/index.ts";
import {
  artifactsNamed,
  listRefs,
  type MetadataStore,
  recentArtifactNames,
} from "../metadata/index.ts";
import type { LineageStart } from "./graph.ts";

const SUGGESTION_COUNT_MAX = 3;
/** Names looked through for suggestions. */
const NAME_COUNT_MAX = 5_000;

/**
 * The artifact or execution that a text names: `artifact:12` or `12`, `execution:5`, the name of a head
 * (`lake:trips.csv`) or of the lake file or table that it is of (`trips.csv`, `air.flights`), `Type:name`,
 * a name, or a URI or path. Of several with one URI the newest is meant.
 * @throws `not_found` with the nearest names, `invalid_argument` when a name has several meanings
 */
export async function resolveReference(store: MetadataStore, text: string): Promise<LineageStart> {
  const id = /^(?:(artifact|execution):)?(\d{1,18})$/.exec(text);
  if (id !== null) {
    const start = {
      kind: id[1] === "execution" ? "execution" : "artifact",
      id: BigInt(id[2] ?? 0),
    };
    if (await isStored(store, start as LineageStart)) return start as LineageStart;
    throw await unknown(store, text);
  }
  const found =
    (await byRef(store, text)) ??
    (await byTypeAndName(store, text)) ??
    (await byName(store, text)) ??
    (await byUri(store, text));
  if (found === undefined) throw await unknown(store, text);
  return { kind: "artifact", id: found };
}

async function isStored(store: MetadataStore, { kind, id }: LineageStart): Promise<boolean> {
  if (kind === "artifact") {
    return (await store.getArtifactsByID({ artifactIds: [id] })).artifacts.length > 0;
  }
  return (await store.getExecutionsByID({ executionIds: [id] })).executions.length > 0;
}

/** Heads by their whole name, or by the name of the lake file or table that they are of. */
async function byRef(store: MetadataStore, text: string): Promise<bigint | undefined> {
  const refs = await store.snapshot((_, rows) => listRefs(rows));
  const heads = new Map(refs.map(({ name, artifactId }) => [name, artifactId]));
  return heads.get(text) ?? heads.get(`lake:${text}`) ?? heads.get(`table:${text}`);
}

async function byTypeAndName(store: MetadataStore, text: string): Promise<bigint | undefined> {
  const colon = text.indexOf(":");
  if (colon < 1) return undefined;
  const { artifact } = await store.getArtifactByTypeAndName({
    typeName: text.slice(0, colon),
    artifactName: text.slice(colon + 1),
  });
  return artifact?.id;
}

async function byName(store: MetadataStore, text: string): Promise<bigint | undefined> {
  const artifacts = await artifactsNamed(store, text);
  if (artifacts.length > 1) {
    const meanings = artifacts.map((one) => `${one.type}:${one.name}`).join(", ");
    throw new WaybillError("invalid_argument", `"${text}" has several meanings: ${meanings}.`, {
      hint: "Give one of these.",
    });
  }
  return artifacts[0]?.id;
}

async function byUri(store: MetadataStore, text: string): Promise<bigint | undefined> {
  const path = resolve(text);
  const { artifacts } = await store.getArtifactsByURI({
    uris: [text, path, pathToFileURL(path).href],
  });
  return newest(artifacts)?.id;
}

function newest(artifacts: readonly Artifact[]): Artifact | undefined {
  return artifacts.reduce<Artifact | undefined>(
    (best, one) => (best === undefined || one.id > best.id ? one : best),
    undefined,
  );
}

async function unknown(store: MetadataStore, text: string): Promise<WaybillError> {
  const refs = await store.snapshot((_, rows) => listRefs(rows));
  const names = await recentArtifactNames(store, NAME_COUNT_MAX);
  const candidates = new Set([
    ...refs.map((ref) => ref.name),
    ...names.flatMap(({ type, name }) => [name, `${type}:${name}`]),
  ]);
  const nearest = [...candidates]
    .map((candidate) => ({ candidate, likeness: likeness(text, candidate) }))
    .filter(({ likeness }) => likeness > 0.4)
    .sort((a, b) => b.likeness - a.likeness)
    .slice(0, SUGGESTION_COUNT_MAX)
    .map(({ candidate }) => `"${candidate}"`);
  return new WaybillError("not_found", `Nothing is recorded under "${text}".`, {
    hint:
      nearest.length > 0
        ? `Did you mean ${nearest.join(", ")}?`
        : "Give an artifact id (artifact:12), a name, Type:name, a URI, or the name of a head.",
  });
}

/** Share of letter pairs that two texts have in common, 0 to 1 (Dice's coefficient). */
function likeness(a: string, b: string): number {
  const pairsOf = (text: string) => {
    const padded = ` ${text.toLowerCase()} `;
    return Array.from({ length: padded.length - 1 }, (_, index) => padded.slice(index, index + 2));
  };
  const left = pairsOf(a);
  const right = pairsOf(b);
  const pool = [...right];
  let shared = 0;
  for (const pair of left) {
    const at = pool.indexOf(pair);
    if (at < 0) continue;
    pool.splice(at, 1);
    shared += 1;
  }
  return (2 * shared) / (left.length + right.length);
}
