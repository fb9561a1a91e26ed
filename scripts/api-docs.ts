// Writes docs/api/<part>.md from each part's door and docstrings; --check fails on stale pages.
import { existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseSync } from "oxc-parser";
import { root } from "./shared.ts";

process.chdir(root);

interface Declaration {
  readonly signature: string;
  readonly doc: string;
}

interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [key: string]: unknown;
}

const pages = new Map(
  globSync("src/*/index.ts")
    .sort()
    .map((door) => [`docs/api/${door.split("/")[1]}.md`, pageOf(door)]),
);

if (process.argv.includes("--check")) {
  const stale = [...pages].filter(
    ([path, page]) => !existsSync(path) || readFileSync(path, "utf8") !== page,
  );
  const surplus = globSync("docs/api/*.md").filter((path) => !pages.has(path));
  if (stale.length + surplus.length > 0) {
    console.error(`stale: ${[...stale.map(([path]) => path), ...surplus].join(", ")}`);
    console.error("Fix: node scripts/api-docs.ts");
    process.exitCode = 1;
  }
} else {
  rmSync("docs/api", { recursive: true, force: true });
  mkdirSync("docs/api", { recursive: true });
  for (const [path, page] of pages) writeFileSync(path, page);
}

function pageOf(door: string): string {
  const part = door.split("/")[1] ?? "";
  const lines = [
    `# waybill/${part}`,
    "",
    `Generated from \`${door}\` by \`scripts/api-docs.ts\`.`,
    "",
  ];
  for (const { name, file } of exportsOf(door)) {
    const found = declarationsOf(file).get(name);
    if (found === undefined) continue;
    lines.push(`## ${name}`, "", "```ts", found.signature, "```", "");
    if (found.doc !== "") lines.push(found.doc, "");
  }
  return `${lines.join("\n").trimEnd()}\n`;
}

/** The names that a door re-exports, in order, with the file that declares each. */
function exportsOf(door: string): { name: string; file: string }[] {
  const { module } = parseSync(door, readFileSync(door, "utf8"));
  return module.staticExports.flatMap(({ entries }) =>
    entries.flatMap(({ moduleRequest, importName, exportName }) => {
      const name = importName.name ?? exportName.name;
      if (name === null || name === undefined) return [];
      const file = moduleRequest ? join(dirname(door), moduleRequest.value) : door;
      return file.startsWith("src/") ? [{ name, file }] : [];
    }),
  );
}

function declarationsOf(file: string): Map<string, Declaration> {
  const text = readFileSync(file, "utf8");
  const { program, comments } = parseSync(file, text);
  const found = new Map<string, Declaration>();
  for (const statement of program.body as unknown as Node[]) {
    if (statement.type !== "ExportNamedDeclaration") continue;
    // An export without a declaration re-exports; its own file is asked instead.
    const declaration = statement["declaration"] as Node | null;
    if (declaration === null) continue;
    const comment = comments
      .filter(({ type, end, value }) => {
        const between = text.slice(end, statement.start).trim();
        return (
          type === "Block" && value.startsWith("*") && end <= statement.start && between === ""
        );
      })
      .at(-1);
    const doc = comment === undefined ? "" : docText(comment.value);
    for (const name of namesOf(declaration)) {
      found.set(name, { signature: signatureOf(text, declaration), doc });
    }
  }
  return found;
}

function namesOf(declaration: Node): string[] {
  if (declaration.type === "VariableDeclaration") {
    const declarators = declaration["declarations"] as { id: { name?: string } }[];
    return declarators.flatMap(({ id }) => id.name ?? []);
  }
  const id = declaration["id"] as { name: string } | null;
  return id === null ? [] : [id.name];
}

/** A declaration without the bodies of functions, and without the values of constants. */
function signatureOf(text: string, declaration: Node): string {
  if (declaration.type === "FunctionDeclaration") {
    const body = declaration["body"] as Node | null;
    return text.slice(declaration.start, body?.start ?? declaration.end).trim();
  }
  if (declaration.type === "ClassDeclaration") return classSignature(text, declaration);
  if (declaration.type === "VariableDeclaration") {
    const [declarator] = declaration["declarations"] as { id: Node }[];
    const { id } = declarator ?? { id: declaration };
    return `const ${text.slice(id.start, id.end)}`;
  }
  return text.slice(declaration.start, declaration.end);
}

function classSignature(text: string, declaration: Node): string {
  const body = declaration["body"] as Node & { body: Node[] };
  const members = body.body.flatMap((member) => {
    const key = member["key"] as Node | undefined;
    if (key?.type === "PrivateIdentifier") return [];
    const value = member["value"] as (Node & { body?: Node | null }) | null;
    const end = value?.body?.start ?? (value ? value.start : member.end);
    return [`  ${text.slice(member.start, end).replace(/=\s*$/, "").trim().replace(/;$/, "")};`];
  });
  return [`${text.slice(declaration.start, body.start).trim()} {`, ...members, "}"].join("\n");
}

/** A docstring's text; tags become a list. */
function docText(comment: string): string {
  return comment
    .split("\n")
    .map((line) => line.replace(/^\s*\*+ ?/, "").trimEnd())
    .join("\n")
    .trim()
    .replaceAll(/^@(\w+)/gm, "- *$1*")
    .replaceAll(/\{@link ([^}]+)\}/g, "`$1`");
}
