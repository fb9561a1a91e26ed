import { digestOf } from "../../foundation/index.ts";
import type { NewData } from "./dvc-file.ts";
import { stringifyYaml, type YamlValue } from "./yaml.ts";
import { isList, isYamlMap, pythonJson, type YamlMap } from "./yaml-values.ts";

/** Where imported data came from. */
export type ImportSource =
  | { readonly kind: "path"; readonly path: string; readonly data: NewData }
  | {
      readonly kind: "repository";
      readonly path: string;
      readonly url: string;
      /** As the user asked for it; undefined for the head of the default branch. */
      readonly revision: string | undefined;
      readonly commit: string;
    };

/** What does not count in the digest of a `.dvc` file with dependencies. */
const UNCOUNTED = new Set([
  "desc",
  "type",
  "labels",
  "meta",
  "locked",
  "frozen",
  "metric",
  "persist",
  "isexec",
  "size",
  "nfiles",
]);

/** A `.dvc` file for imported data, byte for byte as dvc writes it. */
export function importDvcFile(path: string, data: NewData, source: ImportSource): string {
  const content = new Map<string, YamlValue>([
    ["frozen", true],
    ["deps", [dependencyOf(source)]],
    ["outs", [dataEntry(path, data)]],
  ]);
  return stringifyYaml(new Map<string, YamlValue>([["md5", stageDigest(content)], ...content]));
}

/** The `md5` member of a `.dvc` file that has dependencies: a digest of what it says of them. */
export function stageDigest(content: YamlMap): string {
  const counted = new Map([...content].filter(([key]) => key !== "md5"));
  return digestOf("md5", pythonJson(withoutUncounted(counted)));
}

function dependencyOf(source: ImportSource): YamlMap {
  if (source.kind === "path") return dataEntry(source.path, source.data);
  const repository = new Map<string, YamlValue>([["url", source.url]]);
  if (source.revision !== undefined) repository.set("rev", source.revision);
  repository.set("rev_lock", source.commit);
  return new Map<string, YamlValue>([
    ["path", source.path],
    ["repo", repository],
  ]);
}

function dataEntry(path: string, data: NewData): YamlMap {
  const entry = new Map<string, YamlValue>([
    ["md5", data.md5],
    ["size", data.sizeBytes],
  ]);
  if (data.fileCount !== undefined) entry.set("nfiles", data.fileCount);
  if (data.isExecutable === true) entry.set("isexec", true);
  return entry.set("hash", "md5").set("path", path);
}

function withoutUncounted(value: YamlValue): YamlValue {
  if (isList(value)) return value.map(withoutUncounted);
  if (!isYamlMap(value)) return value;
  return new Map(
    [...value]
      .filter(([key]) => !UNCOUNTED.has(key))
      .map(([key, member]) => [key, withoutUncounted(member)]),
  );
}
