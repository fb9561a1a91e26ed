import { WaybillError } from "../foundation/index.ts";

/** A type in an engine's own spelling, taken apart. */
export type EngineType =
  | { readonly kind: "plain"; readonly name: string }
  | { readonly kind: "struct"; readonly fields: readonly (readonly [string, EngineType])[] }
  | { readonly kind: "list"; readonly element: EngineType }
  | { readonly kind: "map"; readonly key: EngineType; readonly value: EngineType };

const MAX_DEPTH = 64;

/**
 * Takes apart `STRUCT(a INTEGER, "b c" VARCHAR[])`, `MAP(VARCHAR, DOUBLE)`, `DECIMAL(9,2)`.
 * @throws `invalid_argument` naming the column, for what is no type
 */
export function parseEngineType(text: string, column: string): EngineType {
  const reader = new TypeReader(text, column);
  const type = reader.type(0);
  reader.end();
  return type;
}

class TypeReader {
  readonly #text: string;
  readonly #column: string;
  #at = 0;

  constructor(text: string, column: string) {
    this.#text = text;
    this.#column = column;
  }

  type(depth: number): EngineType {
    if (depth > MAX_DEPTH) throw this.#wrong();
    let type = this.#single(depth);
    for (;;) {
      // A list, or an array of a fixed length, which is a list to a table.
      const suffix = this.#match(/\s*\[\d*\]/y);
      if (suffix === undefined) return type;
      type = { kind: "list", element: type };
    }
  }

  end(): void {
    this.#match(/\s*/y);
    if (this.#at < this.#text.length) throw this.#wrong();
  }

  #single(depth: number): EngineType {
    if (this.#match(/\s*STRUCT\s*\(/iy) !== undefined) {
      const fields: (readonly [string, EngineType])[] = [];
      do fields.push([this.#name(), this.type(depth + 1)]);
      while (this.#match(/\s*,/y) !== undefined);
      this.#close();
      return { kind: "struct", fields };
    }
    if (this.#match(/\s*MAP\s*\(/iy) !== undefined) {
      const key = this.type(depth + 1);
      if (this.#match(/\s*,/y) === undefined) throw this.#wrong();
      const value = this.type(depth + 1);
      this.#close();
      return { kind: "map", key, value };
    }
    // Words, and parameters of which texts (of an ENUM) may hold brackets and quotes themselves.
    const plain = this.#match(/\s*[A-Za-z_][\w ]*(?:\((?:'(?:[^']|'')*'|[^()'])*\))?/y);
    if (plain === undefined) throw this.#wrong();
    return { kind: "plain", name: plain.trim() };
  }

  #name(): string {
    const quoted = this.#match(/\s*"(?:[^"]|"")*"/y);
    if (quoted !== undefined) return quoted.trim().slice(1, -1).replaceAll('""', '"');
    const plain = this.#match(/\s*[A-Za-z_]\w*(?=\s)/y);
    if (plain === undefined) throw this.#wrong();
    return plain.trim();
  }

  #close(): void {
    if (this.#match(/\s*\)/y) === undefined) throw this.#wrong();
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    if (found !== undefined) this.#at += found.length;
    return found;
  }

  #wrong(): WaybillError {
    return new WaybillError(
      "invalid_argument",
      `The column "${this.#column}" has the type ${this.#text}, which no table type holds.`,
      { hint: "Cast it in the query that is loaded; fields of a struct need names." },
    );
  }
}
