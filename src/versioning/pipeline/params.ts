import { existsSync } from "node:fs";
import { join, posix } from "node:path";
import { WaybillError } from "../../foundation/index.ts";
import { compareCodePoints } from "../formats/dir-object.ts";
import type { YamlValue } from "../formats/yaml.ts";
import { isList, isYamlMap, type YamlMap } from "../formats/yaml-values.ts";
import type { Repo } from "../repo.ts";
import { readYamlMap, type Stage } from "./stage.ts";

const DEFAULT_PARAMS_FILE = "params.yaml";

/**
 * The values of a stage's parameters now: by file (the default one first, then by path), then by key. A file or
 * key that is missing is left out.
 */
export async function currentParams(repo: Repo, stage: Stage): Promise<YamlMap> {
  const files = [...stage.params].sort(
    (a, b) =>
      Number(b.file === DEFAULT_PARAMS_FILE) - Number(a.file === DEFAULT_PARAMS_FILE) ||
      compareCodePoints(a.file, b.file),
  );
  const params = new Map<string, YamlValue>();
  for (const { file, keys } of files) {
    const path = posix.join(stage.wdir, file);
    if (!existsSync(join(repo.root, path))) continue;
    const content = await readYamlMap(repo, path);
    const names = keys === undefined ? [...content.keys()] : [...new Set(keys)];
    const values = new Map<string, YamlValue>();
    for (const name of names.sort(compareCodePoints)) {
      const value = keys === undefined ? content.get(name) : valueAt(content, name);
      if (value !== undefined) values.set(name, value);
    }
    params.set(file, values);
  }
  return params;
}

/**
 * As {@link currentParams}, for a stage that is about to run.
 * @throws WaybillError `not_found` for a parameter that is missing
 */
export async function requireParams(repo: Repo, stage: Stage): Promise<YamlMap> {
  const params = await currentParams(repo, stage);
  for (const { file, keys } of stage.params) {
    const values = params.get(file);
    const missing = keys?.find((key) => !(isYamlMap(values) && values.has(key)));
    if (!isYamlMap(values) || missing !== undefined) {
      const what = missing === undefined ? "" : `"${missing}" of `;
      throw new WaybillError(
        "not_found",
        `Stage "${stage.name}" depends on parameters ${what}"${file}", which ${missing === undefined ? "is" : "are"} not there.`,
      );
    }
  }
  return params;
}

function valueAt(content: YamlMap, name: string): YamlValue | undefined {
  if (content.has(name)) return content.get(name);
  let value: YamlValue | undefined = content;
  for (const step of name.replaceAll("[", ".").replaceAll("]", "").split(".")) {
    if (isYamlMap(value)) value = value.get(step);
    else if (isList(value) && /^\d+$/u.test(step)) value = value[Number(step)];
    else return undefined;
  }
  return value;
}
