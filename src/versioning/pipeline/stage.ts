import { existsSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";
import { WaybillError } from "../../foundation/index.ts";
import type { YamlValue } from "../formats/yaml.ts";
import { isList, isYamlMap, parseYamlValues, type YamlMap } from "../formats/yaml-values.ts";
import type { Repo } from "../repo.ts";
import {
  type Context,
  mergeContexts,
  resolveCommand,
  resolveTemplates,
  textOf,
} from "./template.ts";

/** An output of a stage, as its `dvc.yaml` says. */
export interface StageOut {
  /** As spelled: relative to the stage's `wdir`. */
  readonly path: string;
  readonly kind: "outs" | "metrics" | "plots";
  readonly isCached: boolean;
  /** Kept when the stage runs again, instead of being removed before. */
  readonly isPersistent: boolean;
  readonly isPushed: boolean;
  readonly remote: string | undefined;
}

/** Parameters that a stage depends on: some keys of a file, or all of it. */
export interface StageParams {
  readonly file: string;
  readonly keys: readonly string[] | undefined;
}

/** A stage of a pipeline, its templates filled in. */
export interface Stage {
  /** The name in `dvc.yaml` and `dvc.lock`; generated ones are `NAME@KEY`. */
  readonly name: string;
  /** The `dvc.yaml`'s path in the repository. */
  readonly file: string;
  /** The folder that it runs in and its paths are relative to, in the repository. */
  readonly wdir: string;
  readonly command: string | readonly string[];
  readonly deps: readonly string[];
  readonly params: readonly StageParams[];
  readonly outs: readonly StageOut[];
  readonly isFrozen: boolean;
  readonly isAlwaysChanged: boolean;
}

const DEFAULT_PARAMS_FILE = "params.yaml";
const STAGES_MAX = 100_000;

/**
 * Reads the stages of a `dvc.yaml`: templates filled in, `foreach` and `matrix` spread out.
 * @param file its path in the repository
 * @throws WaybillError `invalid_argument` saying where the file is wrong
 */
export async function loadStages(repo: Repo, file: string): Promise<readonly Stage[]> {
  const root = await readYamlMap(repo, file);
  const folder = posix.dirname(file);
  const context = await globalContext(repo, folder, root, file);
  const definitions = root.get("stages") ?? new Map();
  if (!isYamlMap(definitions)) throw invalid(file, '"stages" is not a mapping');
  const stages: Stage[] = [];
  for (const [name, definition] of definitions) {
    const where = `stage "${name}" of "${file}"`;
    if (!isYamlMap(definition)) throw invalid(file, `stage "${name}" is not a mapping`);
    for (const variant of variantsOf(name, definition, context, where)) {
      stages.push(await resolveStage(repo, file, folder, variant, where));
      if (stages.length > STAGES_MAX) throw invalid(file, `it has more than ${STAGES_MAX} stages`);
    }
  }
  return stages;
}

/** Reads a YAML or JSON file of the repository whose root is a mapping; an empty one is an empty mapping. */
export async function readYamlMap(repo: Repo, file: string): Promise<YamlMap> {
  let text: string;
  try {
    text = readFileSync(join(repo.root, file), "utf8");
  } catch (error) {
    throw WaybillError.from(error);
  }
  if (/\.(?:toml|py)$/u.test(file)) {
    throw new WaybillError("unimplemented", `Parameters in "${file}" cannot be read.`, {
      hint: "Keep parameters in YAML or JSON.",
    });
  }
  const value = (await parseYamlValues(text, file)) ?? new Map();
  if (!isYamlMap(value)) throw invalid(file, "it is not a mapping");
  return value;
}

interface Variant {
  readonly name: string;
  readonly definition: YamlMap;
  readonly context: Context;
}

/** The stages that a definition stands for: one, or one for each item of `foreach` or `matrix`. */
function variantsOf(
  name: string,
  definition: YamlMap,
  context: Context,
  where: string,
): readonly Variant[] {
  const foreach = definition.get("foreach");
  if (foreach !== undefined) {
    const body = definition.get("do");
    if (!isYamlMap(body)) throw new WaybillError("invalid_argument", `${where} has no "do".`);
    const items = resolveTemplates(foreach, context, where);
    return itemsOf(items, where).map(([key, item, hasKey]) => ({
      name: `${name}@${key}`,
      definition: body,
      context: withItem(context, item, hasKey ? key : undefined),
    }));
  }
  const matrix = definition.get("matrix");
  if (matrix === undefined) return [{ name, definition, context }];
  const axes = resolveTemplates(matrix, context, where);
  if (!isYamlMap(axes))
    throw new WaybillError("invalid_argument", `${where}: "matrix" is no mapping.`);
  let cells: { key: string[]; item: Map<string, YamlValue> }[] = [{ key: [], item: new Map() }];
  for (const [axis, values] of axes) {
    if (!isList(values)) {
      throw new WaybillError("invalid_argument", `${where}: "${axis}" of "matrix" is no list.`);
    }
    cells = cells.flatMap((cell) =>
      values.map((value, index) => ({
        key: [...cell.key, isScalar(value) ? textOf(value, where) : `${axis}${index}`],
        item: new Map([...cell.item, [axis, value]]),
      })),
    );
  }
  const body = new Map([...definition].filter(([key]) => key !== "matrix"));
  return cells.map(({ key, item }) => ({
    name: `${name}@${key.join("-")}`,
    definition: body,
    context: withItem(context, item, key.join("-")),
  }));
}

function itemsOf(
  items: YamlValue,
  where: string,
): readonly (readonly [key: string, item: YamlValue, hasKey: boolean])[] {
  if (isYamlMap(items)) return [...items].map(([key, item]) => [key, item, true]);
  if (!isList(items)) {
    throw new WaybillError(
      "invalid_argument",
      `${where}: "foreach" is neither a list nor a mapping.`,
    );
  }
  const isPlain = items.every(isScalar);
  return items.map((item, index) => [isPlain ? textOf(item, where) : String(index), item, false]);
}

function withItem(context: Context, item: YamlValue, key: string | undefined): Context {
  const extended = new Map(context).set("item", item);
  return key === undefined ? extended : extended.set("key", key);
}

async function resolveStage(
  repo: Repo,
  file: string,
  folder: string,
  { name, definition, context: outer }: Variant,
  where: string,
): Promise<Stage> {
  const wdirText = resolveTemplates(definition.get("wdir") ?? ".", outer, where);
  const wdir = posix.normalize(posix.join(folder, textOf(wdirText, where)));
  const context = await withVars(repo, wdir, outer, definition.get("vars"), where);
  const command = definition.get("cmd");
  const list = (key: string): readonly YamlValue[] => {
    const value = resolveTemplates(definition.get(key) ?? [], context, where);
    if (isList(value)) return value;
    throw new WaybillError("invalid_argument", `"${key}" of ${where} is not a list.`);
  };
  const outs = (["outs", "metrics", "plots"] as const).flatMap((kind) =>
    list(kind).map((entry) => parseOut(entry, kind, where)),
  );
  return {
    name,
    file,
    wdir,
    command: parseCommand(command, context, where),
    deps: list("deps").map((dep) => textOf(dep, where)),
    params: parseParams(list("params"), where),
    outs,
    isFrozen: definition.get("frozen") === true,
    isAlwaysChanged: definition.get("always_changed") === true,
  };
}

function parseCommand(
  command: YamlValue | undefined,
  context: Context,
  where: string,
): string | readonly string[] {
  if (isList(command) && command.length > 0) {
    return command.map((line) => resolveCommand(textOf(line, where), context, where));
  }
  if (command === undefined || command === null || typeof command === "object") {
    throw new WaybillError("invalid_argument", `${where} has no command ("cmd").`);
  }
  return resolveCommand(textOf(command, where), context, where);
}

function parseOut(entry: YamlValue, kind: StageOut["kind"], where: string): StageOut {
  const [path, flags] = isYamlMap(entry) ? ([...entry][0] ?? [""]) : [textOf(entry, where)];
  if (path === undefined || path === "") {
    throw new WaybillError("invalid_argument", `An output of ${where} has no path.`);
  }
  const options: YamlMap = isYamlMap(flags) ? flags : new Map();
  const remote = options.get("remote");
  return {
    path,
    kind,
    isCached: options.get("cache") !== false,
    isPersistent: options.get("persist") === true,
    isPushed: options.get("push") !== false,
    remote: typeof remote === "string" ? remote : undefined,
  };
}

function parseParams(entries: readonly YamlValue[], where: string): readonly StageParams[] {
  const byFile = new Map<string, string[] | undefined>();
  for (const entry of entries) {
    const pairs = isYamlMap(entry)
      ? [...entry]
      : ([[DEFAULT_PARAMS_FILE, [entry]]] as [string, YamlValue][]);
    for (const [file, keys] of pairs) {
      if (keys === null) byFile.set(file, undefined);
      else if (isList(keys)) {
        const known = byFile.has(file) ? byFile.get(file) : [];
        if (known === undefined) continue;
        byFile.set(file, [...known, ...keys.map((key) => textOf(key, where))]);
      } else {
        throw new WaybillError("invalid_argument", `"params" of ${where} are not a list.`);
      }
    }
  }
  return [...byFile].map(([file, keys]) => ({ file, keys }));
}

async function globalContext(
  repo: Repo,
  folder: string,
  root: YamlMap,
  file: string,
): Promise<Context> {
  const defaults = posix.join(folder, DEFAULT_PARAMS_FILE);
  const params: Context = existsSync(join(repo.root, defaults))
    ? await readYamlMap(repo, defaults)
    : new Map();
  return withVars(repo, folder, params, root.get("vars"), `"vars" of "${file}"`);
}

async function withVars(
  repo: Repo,
  folder: string,
  context: Context,
  vars: YamlValue | undefined,
  where: string,
): Promise<Context> {
  if (vars === undefined || vars === null) return context;
  if (!isList(vars)) throw new WaybillError("invalid_argument", `${where}: "vars" is not a list.`);
  let merged = context;
  for (const entry of vars) {
    if (isYamlMap(entry)) {
      merged = mergeContexts(merged, entry, where);
      continue;
    }
    const [path = "", keys] = textOf(entry, where).split(":", 2);
    const isDefault = posix.normalize(path) === DEFAULT_PARAMS_FILE;
    if (isDefault && keys === undefined) continue;
    const loaded = await readYamlMap(repo, posix.join(folder, path));
    const wanted = keys?.split(",").map((key) => key.trim());
    const chosen = new Map([...loaded].filter(([key]) => wanted?.includes(key) ?? true));
    if (!isDefault) merged = mergeContexts(merged, chosen, where);
  }
  return merged;
}

function isScalar(value: YamlValue): boolean {
  return !isList(value) && !isYamlMap(value);
}

function invalid(file: string, why: string): WaybillError {
  return new WaybillError("invalid_argument", `"${file}" is not a valid dvc.yaml: ${why}.`);
}
