/** What our YAML files hold: dvc's files know no other kinds of value. */
export type YamlValue =
  | string
  | number
  | bigint
  | boolean
  | null
  | YamlPlain
  | readonly YamlValue[]
  | YamlMapping;

/** A scalar that is written as it is spelled: a float such as `1.0`, which a number would lose, or a date. */
export class YamlPlain {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** A mapping; a Map where keys may look like integers, whose order plain objects lose. */
export type YamlMapping = ReadonlyMap<string, YamlValue> | { readonly [key: string]: YamlValue };

const LINE_WIDTH = 80;
const SIMPLE_KEY_LENGTH_MAX = 128;

/**
 * Writes YAML byte for byte as dvc's YAML library (ruamel.yaml, block style) does: `-` not indented below
 * a key, plain scalars where the YAML 1.2 core schema allows, else single quotes, else double quotes; long
 * scalars are folded at 80 columns (counted in code points).
 */
export function stringifyYaml(value: YamlValue): string {
  const writer = new Writer();
  writer.node(value, 0);
  return writer.finish();
}

/** Why a plain scalar would be read back as something else than this string. */
const READ_AS_OTHER: readonly RegExp[] = [
  /^(?:true|True|TRUE|false|False|FALSE|~|null|Null|NULL|<<|=|)$/u,
  /^(?:[-+]?0b[0-1_]+|[-+]?0o?[0-7_]+|[-+]?[0-9_]+|[-+]?0x[0-9a-fA-F_]+)$/u,
  /^(?:[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+]?[0-9]+)?|[-+]?[0-9][0-9_]*[eE][-+]?[0-9]+)$/u,
  /^(?:[-+]?\.[0-9_]+(?:[eE][-+][0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$/u,
  /^[0-9]{4}-[0-9]{2}-[0-9]{2}$/u,
  /^[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[Tt]|[ \t]+)[0-9]{1,2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]*)?(?:[ \t]*(?:Z|[-+][0-9]{1,2}(?::[0-9]{2})?))?$/u,
];
/** The first characters for which the library looks at those patterns at all. */
const MAY_READ_AS_OTHER = /^(?:[-+0-9.tTfFnN~<=]|$)/u;

const BREAKS = "\n\u0085\u2028\u2029";
const ESCAPES: Readonly<Record<string, string>> = {
  "\0": "0",
  "\x07": "a",
  "\b": "b",
  "\t": "t",
  "\n": "n",
  "\v": "v",
  "\f": "f",
  "\r": "r",
  "\x1b": "e",
  '"': '"',
  "\\": "\\",
  "\u0085": "N",
  "\u00a0": "_",
  "\u2028": "L",
  "\u2029": "P",
};

class Writer {
  readonly #parts: string[] = [];
  #column = 0;
  /** Whether the line so far holds only indentation and indicators, so that no new line is needed. */
  #fresh = true;

  finish(): string {
    return this.#parts.join("").replace(/\n*$/u, "\n");
  }

  node(value: YamlValue, indent: number): void {
    if (isSequence(value)) this.#sequence(value, indent);
    else if (isMapping(value)) this.#mapping(value, indent);
    else if (typeof value === "string") this.#text(value, indent, { split: true, isKey: false });
    else if (value instanceof YamlPlain) this.#plain(value.text, indent, true);
    else this.#plain(value === null ? "" : String(value), indent, true);
  }

  #sequence(items: readonly YamlValue[], indent: number): void {
    if (items.length === 0) this.#indicator("[]");
    for (const item of items) {
      this.#line(indent);
      this.#put("-");
      this.#fresh = true;
      this.node(item, indent + 2);
    }
  }

  #mapping(mapping: YamlMapping, indent: number): void {
    const entries = mapping instanceof Map ? [...mapping] : Object.entries(mapping);
    if (entries.length === 0) this.#indicator("{}");
    for (const [key, value] of entries) {
      this.#line(indent);
      if (key !== "" && lengthOf(key) < SIMPLE_KEY_LENGTH_MAX && !hasBreak(key)) {
        this.#text(key, indent + 2, { split: false, isKey: true });
        this.#put(":");
        // A sequence below a key stands at the key's own indentation.
        this.node(value, isSequence(value) ? indent : indent + 2);
      } else {
        this.#put("?");
        this.#fresh = true;
        this.#text(key, indent + 2, { split: true, isKey: false });
        this.#line(indent);
        this.#put(":");
        this.#fresh = value !== null;
        this.node(value, indent + 2);
      }
    }
  }

  #text(
    text: string,
    indent: number,
    options: { readonly split: boolean; readonly isKey: boolean },
  ): void {
    const style = styleOf(text, options.isKey);
    if (style === "plain") this.#plain(text, indent, options.split);
    else if (style === "single") this.#singleQuoted(text, indent, options.split);
    else this.#doubleQuoted(text, indent, options.split);
  }

  /** Words are kept whole; a word that does not fit the line gets one of its own. */
  #plain(text: string, indent: number, split: boolean): void {
    if (text === "") {
      if (this.#fresh) this.#space();
      return;
    }
    this.#space();
    const words = text.match(/ +|[^ ]+/gu) ?? [];
    for (const word of words) {
      if (word.startsWith(" ")) {
        if (word.length === 1 && this.#column >= LINE_WIDTH && split) this.#breakTo(indent);
        else this.#put(word);
        continue;
      }
      if (lengthOf(word) + this.#column > LINE_WIDTH && this.#column > indent) {
        this.#breakTo(indent);
      }
      this.#put(word);
    }
  }

  #singleQuoted(text: string, indent: number, split: boolean): void {
    this.#indicator("'");
    const runs = text.match(/ +|[\n\u0085\u2028\u2029]+|'|[^ '\n\u0085\u2028\u2029]+/gu) ?? [];
    let position = 0;
    for (const run of runs) {
      const isInside = position > 0 && position + run.length < text.length;
      position += run.length;
      if (run === " " && this.#column > LINE_WIDTH && split && isInside) {
        this.#breakTo(indent);
      } else if (BREAKS.includes(run.charAt(0))) {
        if (run.startsWith("\n")) this.#raw("\n");
        for (const character of run) this.#raw(character);
        this.#put(" ".repeat(indent));
      } else {
        this.#put(run === "'" ? "''" : run);
      }
    }
    this.#put("'");
  }

  #doubleQuoted(text: string, indent: number, split: boolean): void {
    this.#indicator('"');
    const characters = [...text];
    let pending = "";
    const flush = () => {
      this.#put(pending);
      pending = "";
    };
    for (let i = 0; i < characters.length; i++) {
      const character = characters[i] ?? "";
      const isEscaped = needsEscape(character);
      if (isEscaped) {
        flush();
        this.#put(escapeOf(character));
      }
      const mayBreak =
        i > 0 && i < characters.length - 1 && (character === " " || isEscaped || pending === "");
      // The library counts an escape one short.
      const width = this.#column + (isEscaped ? -1 : lengthOf(pending));
      if (mayBreak && split && width > LINE_WIDTH) {
        const needsBackslash = !canFold(characters, i, isEscaped || pending !== "");
        flush();
        if (needsBackslash) this.#put("\\");
        this.#breakTo(indent);
        const next = characters[isEscaped ? i + 1 : i];
        if (next === " ") {
          // A space that opens a continuation line would be lost, unless the fold itself stands for it.
          if (needsBackslash) this.#put("\\");
          else if (!isEscaped) continue;
          else i += 1;
        }
      }
      if (!isEscaped) pending += character;
    }
    flush();
    this.#put('"');
  }

  #indicator(text: string): void {
    this.#space();
    this.#put(text);
  }

  #space(): void {
    if (this.#column > 0 && !this.#parts.at(-1)?.endsWith(" ")) this.#put(" ");
  }

  /** Starts a line at `indent`, unless the current one has only indicators before that column. */
  #line(indent: number): void {
    if (this.#fresh && this.#column < indent) {
      this.#put(" ".repeat(indent - this.#column));
    } else if (this.#column > 0) {
      this.#breakTo(indent);
    } else {
      this.#put(" ".repeat(indent));
    }
    this.#fresh = false;
  }

  #breakTo(indent: number): void {
    this.#raw("\n");
    this.#column = 0;
    if (indent > 0) this.#put(" ".repeat(indent));
  }

  #raw(text: string): void {
    this.#parts.push(text);
    this.#column = 0;
  }

  #put(text: string): void {
    if (text === "") return;
    this.#parts.push(text);
    this.#column += lengthOf(text);
    this.#fresh = false;
  }
}

function isSequence(value: YamlValue): value is readonly YamlValue[] {
  return Array.isArray(value);
}

function isMapping(value: YamlValue): value is YamlMapping {
  return value !== null && typeof value === "object" && !(value instanceof YamlPlain);
}

function styleOf(text: string, isKey: boolean): "plain" | "single" | "double" {
  const hasBreaks = hasBreak(text);
  const hasSpecial = [...text].some(
    (character) =>
      character !== "\n" && (character < " " || character > "~") && !isPrintable(character),
  );
  const isPlain =
    text !== "" &&
    !hasBreaks &&
    !hasSpecial &&
    !/^ | $/u.test(text) &&
    !/^(?:---|\.\.\.)/u.test(text) &&
    !/^[#,[\]{}&*!|>'"%@`]/u.test(text) &&
    !/^[-?:](?:[ \t\r\n\0\u0085\u2028\u2029]|$)/u.test(text) &&
    !/:(?:[ \t\r\n\0\u0085\u2028\u2029]|$)/u.test(text) &&
    !/[ \t\r\n\0\u0085\u2028\u2029]#/u.test(text) &&
    !(MAY_READ_AS_OTHER.test(text) && READ_AS_OTHER.some((pattern) => pattern.test(text)));
  if (isPlain) return "plain";
  if (text.includes("'") || text.includes("\n") || hasSpecial) return "double";
  const spaceAtBreak = / [\n\u0085\u2028\u2029]|[\n\u0085\u2028\u2029] /u.test(text);
  return spaceAtBreak || (isKey && hasBreaks) ? "double" : "single";
}

function hasBreak(text: string): boolean {
  return /[\n\u0085\u2028\u2029]/u.test(text);
}

function isPrintable(character: string): boolean {
  if (character === "\ufeff") return false;
  return (
    character === "\u0085" ||
    (character >= "\u00a0" && character <= "\ud7ff") ||
    (character >= "\ue000" && character <= "\ufffd") ||
    character.length === 2
  );
}

function needsEscape(character: string): boolean {
  if ('"\\\u0085\u2028\u2029\ufeff'.includes(character)) return true;
  return (character < " " || character > "~") && !isPrintable(character);
}

function escapeOf(character: string): string {
  const short = ESCAPES[character];
  if (short !== undefined) return `\\${short}`;
  const code = (character.codePointAt(0) ?? 0).toString(16).toUpperCase();
  if (code.length <= 2) return `\\x${code.padStart(2, "0")}`;
  return code.length <= 4 ? `\\u${code.padStart(4, "0")}` : `\\U${code.padStart(8, "0")}`;
}

/** Whether a double-quoted scalar may be folded here by the line break alone, without a backslash. */
function canFold(characters: readonly string[], index: number, hasPending: boolean): boolean {
  const space = characters.indexOf(" ", index);
  if (space < 0 || !hasPending) return false;
  const newline = characters.indexOf("\n", index);
  const end = newline >= 0 && newline < space ? newline : space;
  const after = characters[end + 1];
  if (end === newline && after !== " ") return false;
  const word = characters.slice(index, end);
  return (
    !word.includes('"') &&
    !word.includes("'") &&
    after !== undefined &&
    after !== " " &&
    after !== "\n" &&
    !(characters[index - 1] === " " && characters[index] === " ")
  );
}

function lengthOf(text: string): number {
  return [...text].length;
}
