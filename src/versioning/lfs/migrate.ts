import { type Progress, silentProgress, WaybillError } from "../../foundation/index.ts";
import { fastImport, fastReader, unquotePath } from "./fast-stream.ts";
import { readObjectSync, refuseExtensions } from "./filter.ts";
import { hasObject, startClean } from "./objects.ts";
import { pathFilter } from "./path-filter.ts";
import { POINTER_BYTES_LIMIT, parsePointer } from "./pointer.ts";
import { folderOf, git, type LfsRepository, streamGit, tryGit } from "./repository.ts";
import { commitOf, split } from "./scan.ts";
import { downloadObjects } from "./transfer.ts";

/** Which commits are rewritten, and which of their files. */
export interface MigrateOptions {
  /** Patterns as `lfs track` takes them. */
  readonly include: readonly string[];
  readonly exclude?: readonly string[];
  /** Branches; default the one that is checked out, without commits that a remote has. */
  readonly branches?: readonly string[];
  /** All branches and tags, what remotes have included. */
  readonly everything?: boolean;
  readonly progress?: Progress;
  readonly signal?: AbortSignal;
}

/** What was rewritten. */
export interface MigrateResult {
  readonly commits: number;
  /** Different contents that changed their place. */
  readonly objects: number;
}

/**
 * Rewrites history so that files that match are pointers, and their contents objects of Git LFS. `.gitattributes`
 * at the top gets the patterns, from the first rewritten commit on. Ids of commits change; nothing is
 * pushed, and the old commits stay in the reflog.
 * @throws WaybillError `failed_precondition` for a work tree with changes
 */
export function migrateImport(
  repository: LfsRepository,
  options: MigrateOptions,
): Promise<MigrateResult> {
  refuseExtensions(repository);
  return rewrite(repository, options, {
    attributes: (pattern) => `${pattern} filter=lfs diff=lfs merge=lfs -text`,
    convert: async (blob) => {
      const cleaner = startClean(repository);
      try {
        const content = streamGit(folderOf(repository), ["cat-file", "blob", blob]);
        for await (const chunk of content) cleaner.push(chunk);
      } catch (error) {
        cleaner.abandon();
        throw error;
      }
      const { bytes, oid } = cleaner.finish();
      // What was a pointer, or empty, stays as it is.
      return oid === undefined ? undefined : { size: bytes.length, chunks: [bytes] };
    },
  });
}

/**
 * The way back: pointers that match become their contents again, in git itself. Objects that are not here are
 * downloaded first.
 * @throws WaybillError as {@link migrateImport}, and `not_found` for an object that cannot be had
 */
export function migrateExport(
  repository: LfsRepository,
  options: MigrateOptions,
): Promise<MigrateResult> {
  return rewrite(repository, options, {
    attributes: (pattern) => `${pattern} !text -filter -merge -diff`,
    convert: async (blob) => {
      const folder = folderOf(repository);
      const size = Number(git(folder, ["cat-file", "-s", blob]));
      if (size >= POINTER_BYTES_LIMIT) return undefined;
      const content = await Array.fromAsync(streamGit(folder, ["cat-file", "blob", blob]));
      const pointer = parsePointer(Buffer.concat(content));
      if (pointer === undefined) return undefined;
      if (pointer.extensions.length > 0) {
        throw new WaybillError("unimplemented", `${pointer.oid} was stored through an extension.`);
      }
      if (!hasObject(repository, pointer.oid, pointer.size)) {
        const { failed } = await downloadObjects(repository, [pointer], {
          ...(options.signal === undefined ? {} : { signal: options.signal }),
        });
        if (failed[0] !== undefined) throw failed[0].error;
      }
      return { size: pointer.size, chunks: readObjectSync(repository, pointer) };
    },
  });
}

/** Files by what their names end in, the largest first. */
export interface MigrateInfo {
  /** `*.EXTENSION`, or the name of a file without one. */
  readonly pattern: string;
  readonly sizeBytes: number;
  readonly count: number;
}

/**
 * Says what would be worth to migrate: the contents in history that git itself keeps, by extension.
 * @param options.aboveBytes only contents that are larger
 */
export async function migrateInfo(
  repository: LfsRepository,
  options: Partial<MigrateOptions> & { readonly aboveBytes?: number } = {},
): Promise<readonly MigrateInfo[]> {
  const folder = folderOf(repository);
  const filter = pathFilter(options.include, options.exclude);
  const objects = streamGit(folder, [
    "rev-list",
    "--objects",
    ...rangeOf(repository, options).range,
  ]);
  async function* lines(): AsyncGenerator<string> {
    for await (const line of split(objects, 10)) if (line.includes(" ")) yield `${line}\n`;
  }
  const format = "--batch-check=%(objecttype) %(objectsize) %(rest)";
  const totals = new Map<string, { sizeBytes: number; count: number }>();
  for await (const line of split(
    streamGit(folder, ["cat-file", format, "--buffer"], lines()),
    10,
  )) {
    const [, type, size, path = ""] = /^(\w+) (\d+) (.*)$/su.exec(line) ?? [];
    const sizeBytes = Number(size);
    // A small one may be a pointer already; it is not what makes a repository large.
    if (type !== "blob" || sizeBytes < Math.max(options.aboveBytes ?? 0, POINTER_BYTES_LIMIT))
      continue;
    if (!filter(path)) continue;
    const name = path.slice(path.lastIndexOf("/") + 1);
    const dot = name.lastIndexOf(".");
    const pattern = dot > 0 ? `*${name.slice(dot)}` : name;
    const total = totals.get(pattern) ?? { sizeBytes: 0, count: 0 };
    totals.set(pattern, { sizeBytes: total.sizeBytes + sizeBytes, count: total.count + 1 });
  }
  return [...totals]
    .map(([pattern, total]) => ({ pattern, ...total }))
    .sort((a, b) => b.sizeBytes - a.sizeBytes);
}

/** How a migration changes one content; undefined leaves it. */
interface Conversion {
  attributes(pattern: string): string;
  convert(
    blob: string,
  ): Promise<{ readonly size: number; readonly chunks: Iterable<Uint8Array> } | undefined>;
}

/** Marks below are fast-export's own. */
const FIRST_MARK = 1_000_000_000;

async function rewrite(
  repository: LfsRepository,
  options: MigrateOptions,
  conversion: Conversion,
): Promise<MigrateResult> {
  const folder = folderOf(repository);
  if (options.include.length === 0) {
    throw new WaybillError("invalid_argument", "A migration needs to know which files.", {
      hint: "Name them by --include; migrate info shows what is large.",
    });
  }
  if (repository.workTree !== undefined && git(folder, ["status", "--porcelain", "-uno"]) !== "") {
    throw new WaybillError("failed_precondition", "There are changes that are not committed.", {
      hint: "Commit or stash them first: the migration checks the branch out anew.",
    });
  }
  const { refs, range } = rangeOf(repository, options);
  const { progress = silentProgress, signal } = options;
  const filter = pathFilter(options.include, options.exclude);
  const marks = new Map<string, string>();
  let nextMark = FIRST_MARK;
  let objects = 0;
  let commits = 0;
  const args = [
    "--no-data",
    "--reencode=no",
    "--signed-tags=strip",
    "--use-done-feature",
    "--reference-excluded-parents",
  ];
  const exported = streamGit(folder, [
    "-c",
    "core.quotepath=off",
    "fast-export",
    ...args,
    "--tag-of-filtered-object=rewrite",
    ...refs,
    ...range.filter((each) => !refs.includes(each)),
  ]);
  const reader = fastReader(exported);
  using importer = fastImport(folder);

  async function newBlob(size: number, chunks: Iterable<Uint8Array>): Promise<string> {
    const mark = `:${nextMark++}`;
    await importer.write(`blob\nmark ${mark}\ndata ${size}\n`);
    for (const chunk of chunks) await importer.write(Buffer.from(chunk));
    await importer.write("\n");
    return mark;
  }

  async function converted(blob: string): Promise<string> {
    const known = marks.get(blob);
    if (known !== undefined) return known;
    const made = await conversion.convert(blob);
    const name = made === undefined ? blob : await newBlob(made.size, made.chunks);
    if (made !== undefined) objects++;
    marks.set(blob, name);
    return name;
  }

  async function attributesFrom(blob: string | undefined): Promise<string> {
    const text = blob === undefined ? "" : git(folder, ["cat-file", "blob", blob]);
    const content = Buffer.from(withPatterns(text, options.include, conversion));
    return newBlob(content.length, [content]);
  }

  /** Everything of a commit up to its first change of a file is kept back: blobs have to come before. */
  async function copyCommit(first: string): Promise<void> {
    const head: (string | Buffer)[] = [`${first}\n`];
    const changes: string[] = [];
    let parent: string | undefined;
    let hasAttributes = false;
    for (
      let line = await reader.line();
      line !== undefined && line !== "";
      line = await reader.line()
    ) {
      if (line.startsWith("data ")) {
        head.push(`${line}\n`, await reader.bytes(Number(line.slice(5))));
        continue;
      }
      const [, mode = "", blob = "", quoted = ""] = /^M (\d+) (\S+) (.*)$/su.exec(line) ?? [];
      if (line.startsWith("from ")) parent = line.slice(5);
      const isAttributes = quoted === ".gitattributes" || line === "D .gitattributes";
      if (isAttributes) {
        hasAttributes = true;
        const made = await attributesFrom(blob === "" ? undefined : blob);
        changes.push(`M 100644 ${made} .gitattributes\n`);
      } else if (mode.startsWith("100") && filter(unquotePath(quoted))) {
        changes.push(`M ${mode} ${await converted(blob)} ${quoted}\n`);
      } else if (/^[MDRC] |^deleteall/u.test(line)) changes.push(`${line}\n`);
      else head.push(`${line}\n`);
    }
    // A first commit, or one behind which the history stays: here the patterns begin.
    const begins = parent === undefined || !parent.startsWith(":");
    if (begins && !hasAttributes) {
      const listed = parent === undefined ? "" : git(folder, ["ls-tree", parent, ".gitattributes"]);
      const [, present] = /^\d+ blob ([0-9a-f]+)/u.exec(listed) ?? [];
      changes.push(`M 100644 ${await attributesFrom(present)} .gitattributes\n`);
    }
    for (const part of [...head, ...changes, "\n"]) await importer.write(part);
    progress.report("Rewriting history", ++commits, undefined, "commits");
  }

  for (let line = await reader.line(); line !== undefined; line = await reader.line()) {
    signal?.throwIfAborted();
    if (line.startsWith("commit ")) await copyCommit(line);
    else if (line.startsWith("data ")) {
      await importer.write(`${line}\n`);
      await importer.write(await reader.bytes(Number(line.slice(5))));
    } else await importer.write(`${line}\n`);
  }
  await importer.finish();
  if (repository.workTree !== undefined) git(folder, ["reset", "-q", "--hard", "HEAD"]);
  return { commits, objects };
}

/** The refs that are moved, and the commits in question. */
function rangeOf(
  repository: LfsRepository,
  options: Partial<MigrateOptions>,
): { readonly refs: readonly string[]; readonly range: readonly string[] } {
  const folder = folderOf(repository);
  if (options.everything) {
    const format = "--format=%(refname)";
    const listed = git(folder, ["for-each-ref", format, "refs/heads", "refs/tags"]);
    const refs = listed.split("\n").filter((ref) => ref !== "");
    return { refs, range: refs };
  }
  const names = options.branches ?? ["HEAD"];
  const refs = names.map((name) => {
    commitOf(repository, name);
    const args = ["rev-parse", "--symbolic-full-name", "--verify", "-q", name];
    const full = tryGit(folder, args).stdout.trim();
    if (full.startsWith("refs/heads/") || full.startsWith("refs/tags/")) return full;
    throw new WaybillError("failed_precondition", `"${name}" is not a branch or a tag.`, {
      hint: "Check out the branch that is to be migrated.",
    });
  });
  // What others may have stays as it is, unless branches are named.
  const unpushed = options.branches === undefined ? ["--not", "--remotes"] : [];
  return { refs, range: [...refs, ...unpushed] };
}

/** Attributes with a line for each pattern, in place of lines that set the same pattern's filter. */
function withPatterns(text: string, patterns: readonly string[], conversion: Conversion): string {
  const written = patterns.map((pattern) => pattern.replaceAll(" ", "[[:space:]]"));
  const kept = text.split("\n").filter((line) => {
    const [pattern = "", ...attributes] = line.trim().split(/[ \t]+/u);
    const setsFilter = attributes.some((each) => /^[-!]?filter(=|$)/u.test(each));
    return line !== "" && !(setsFilter && written.includes(pattern));
  });
  return `${[...kept, ...written.map((pattern) => conversion.attributes(pattern))].join("\n")}\n`;
}
