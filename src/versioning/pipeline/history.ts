import { posix } from "node:path";
import type { TrackedData } from "../formats/dvc-file.ts";
import { isList, isYamlMap, parseYamlValues, type YamlMap } from "../formats/yaml-values.ts";
import type { TrackedFile } from "../tracked.ts";
import { parseLockFile } from "./lock.ts";

/**
 * What the stages of a `dvc.lock` of some commit recorded. Templates of the `dvc.yaml` are not filled in: what they
 * were filled with lies in other files of that commit. The paths are in the lock; only the folder of a stage and
 * which outputs are in no cache are looked up, by patterns.
 * @param path the `dvc.lock`'s path in the repository
 * @param pipelineText the `dvc.yaml` beside it; without it every output counts as cached, in the lock's folder
 */
export async function trackedInLock(
  path: string,
  text: string,
  pipelineText: string | undefined,
): Promise<readonly TrackedFile[]> {
  const lock = await parseLockFile(text, path);
  const pipeline =
    pipelineText === undefined ? undefined : await parseYamlValues(pipelineText, path);
  const definitions = isYamlMap(pipeline) ? pipeline.get("stages") : undefined;
  return [...lock.stages].map(([name, stage]): TrackedFile => {
    const definition = isYamlMap(definitions)
      ? (definitions.get(name) ?? definitions.get(name.split("@", 1)[0] ?? ""))
      : undefined;
    const body = bodyOf(definition);
    const wdir = body?.get("wdir");
    const uncached = uncachedPatterns(body);
    const isCached = (out: TrackedData) => !uncached.some((pattern) => pattern.test(out.path));
    return {
      path: posix.join(posix.dirname(path), "dvc.yaml"),
      text: "",
      locked: stage,
      content: {
        outs: stage.outs.map((out) => ({ ...out, isCached: isCached(out) })),
        deps: stage.deps,
        wdir: typeof wdir === "string" && !wdir.includes("${") ? wdir : ".",
        isFrozen: false,
        other: {},
      },
    };
  });
}

function bodyOf(definition: unknown): YamlMap | undefined {
  if (!(definition instanceof Map)) return undefined;
  const inner: unknown = definition.get("do");
  return inner instanceof Map ? inner : definition;
}

/** Patterns of the outputs that a stage's definition keeps out of the cache. */
function uncachedPatterns(body: YamlMap | undefined): readonly RegExp[] {
  const patterns: RegExp[] = [];
  for (const kind of ["outs", "metrics", "plots"]) {
    const list = body?.get(kind);
    if (!isList(list)) continue;
    for (const entry of list) {
      if (!isYamlMap(entry)) continue;
      for (const [path, flags] of entry) {
        if (!isYamlMap(flags) || flags.get("cache") !== false) continue;
        const parts = path.split(/\$\{[^}]*\}/u).map((part) => RegExp.escape(part));
        patterns.push(new RegExp(`^${parts.join(".*")}$`, "su"));
      }
    }
  }
  return patterns;
}
