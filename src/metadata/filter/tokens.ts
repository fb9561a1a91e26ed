import { WaybillError } from "../../foundation/index.ts";

/** A token of a filter query. `at` is the index of its first character. */
export type Token =
  | {
      readonly kind: "word";
      readonly text: string;
      readonly isQuoted: boolean;
      readonly at: number;
    }
  | { readonly kind: "integer"; readonly value: bigint; readonly at: number }
  | { readonly kind: "double"; readonly value: number; readonly at: number }
  | { readonly kind: "string"; readonly value: string; readonly at: number }
  | { readonly kind: "symbol"; readonly text: string; readonly at: number }
  | { readonly kind: "end"; readonly at: number };

const SYMBOLS = [
  ...["<=", ">=", "<>", "!=", "<<", ">>", "||"],
  ...["(", ")", ",", ".", "=", "<", ">", "+", "-", "*", "/", "&", "|", "^", "~", "[", "]"],
];

const INTEGER_MAX = 2n ** 63n - 1n;
const QUERY_LENGTH_MAX = 1_000_000;

/** Cuts a filter query into tokens, leaving out blanks and comments; the last one is the end. */
export function tokenize(query: string): Token[] {
  if (query.length > QUERY_LENGTH_MAX) {
    throw new WaybillError(
      "invalid_argument",
      `Invalid \`filter_query\`: it has ${query.length} characters, at most ${QUERY_LENGTH_MAX} are read.`,
    );
  }
  const tokens: Token[] = [];
  let at = 0;
  for (;;) {
    at = skipBlanks(query, at);
    if (at >= query.length) {
      tokens.push({ kind: "end", at });
      return tokens;
    }
    const { token, next } = readToken(query, at);
    tokens.push(token);
    at = next;
  }
}

/** An error of a filter query, with the line and column that ZetaSQL would name. */
export function filterError(query: string, at: number, message: string): WaybillError {
  const before = query.slice(0, at).split("\n");
  const column = (before.at(-1) ?? "").length + 1;
  return new WaybillError(
    "invalid_argument",
    `Invalid \`filter_query\`: ${message} [at ${before.length}:${column}]`,
  );
}

type Read = { readonly token: Token; readonly next: number };

function readToken(query: string, at: number): Read {
  const rest = query.slice(at, at + 3);
  const char = rest[0] ?? "";
  if (char === "'" || char === '"') return readString(query, at, at, false);
  if (/^[rR]['"]/.test(rest)) return readString(query, at, at + 1, true);
  if (char === "`") return readQuotedWord(query, at);
  if (/[A-Za-z_]/.test(char)) {
    const text = match(/[A-Za-z_][A-Za-z0-9_]*/y, query, at);
    return { token: { kind: "word", text, isQuoted: false, at }, next: at + text.length };
  }
  if (/[0-9]/.test(char) || /^\.[0-9]/.test(rest)) return readNumber(query, at);
  const text = SYMBOLS.find((symbol) => rest.startsWith(symbol));
  if (text === undefined) {
    throw filterError(query, at, `Syntax error: Illegal input character ${JSON.stringify(char)}`);
  }
  return { token: { kind: "symbol", text, at }, next: at + text.length };
}

function readNumber(query: string, at: number): Read {
  const hex = match(/0[xX][0-9A-Fa-f]+/y, query, at);
  const text = hex || match(/(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?/y, query, at);
  const next = at + text.length;
  if (/[A-Za-z_0-9]/.test(query[next] ?? "")) {
    throw filterError(query, next, "Syntax error: Missing whitespace between literal and alias");
  }
  if (hex === "" && /[.eE]/.test(text)) {
    const value = Number(text);
    if (!Number.isFinite(value)) {
      throw filterError(query, at, `Invalid floating point literal: ${text}`);
    }
    return { token: { kind: "double", value, at }, next };
  }
  const value = BigInt(text);
  // One more than the largest is the smallest, behind a minus.
  if (value > INTEGER_MAX + 1n) {
    throw filterError(query, at, `Invalid integer literal: ${text}`);
  }
  return { token: { kind: "integer", value, at }, next };
}

function readQuotedWord(query: string, at: number): Read {
  let text = "";
  let next = at + 1;
  while (query[next] !== "`") {
    if (next >= query.length) {
      throw filterError(query, at, "Syntax error: Unclosed identifier literal");
    }
    if (query[next] === "\\") {
      const escaped = readEscape(query, next);
      text += escaped.text;
      next = escaped.next;
    } else {
      text += query[next];
      next += 1;
    }
  }
  if (text === "") throw filterError(query, at, "Syntax error: Invalid empty identifier");
  return { token: { kind: "word", text, isQuoted: true, at }, next: next + 1 };
}

function readString(query: string, at: number, quoteAt: number, isRaw: boolean): Read {
  const char = query[quoteAt] ?? "";
  const isTriple = query.startsWith(char.repeat(3), quoteAt);
  const quote = isTriple ? char.repeat(3) : char;
  let value = "";
  let next = quoteAt + quote.length;
  while (!query.startsWith(quote, next)) {
    const now = query[next];
    if (now === undefined || (now === "\n" && !isTriple)) {
      throw filterError(query, at, "Syntax error: Unclosed string literal");
    }
    if (now !== "\\") {
      value += now;
      next += 1;
    } else if (isRaw) {
      value += query.slice(next, next + 2);
      next += 2;
    } else {
      const escaped = readEscape(query, next);
      value += escaped.text;
      next = escaped.next;
    }
  }
  return { token: { kind: "string", value, at }, next: next + quote.length };
}

const ESCAPES: Readonly<Record<string, string>> = {
  a: "\x07",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
  "\\": "\\",
  "?": "?",
  '"': '"',
  "'": "'",
  "`": "`",
};

function readEscape(query: string, at: number): { text: string; next: number } {
  const simple = ESCAPES[query[at + 1] ?? ""];
  if (simple !== undefined) return { text: simple, next: at + 2 };
  const coded =
    match(/\\[xX][0-9A-Fa-f]{2}/y, query, at) ||
    match(/\\u[0-9A-Fa-f]{4}/y, query, at) ||
    match(/\\U[0-9A-Fa-f]{8}/y, query, at);
  const octal = match(/\\[0-3][0-7]{2}/y, query, at);
  const code = coded ? Number.parseInt(coded.slice(2), 16) : Number.parseInt(octal.slice(1), 8);
  const isScalar = code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
  if (Number.isNaN(code) || !isScalar) {
    throw filterError(query, at, "Syntax error: Illegal escape sequence");
  }
  return { text: String.fromCodePoint(code), next: at + (coded || octal).length };
}

function skipBlanks(query: string, from: number): number {
  let at = from;
  for (;;) {
    const skipped =
      match(/\s+/y, query, at) ||
      match(/(?:--|#)[^\n]*/y, query, at) ||
      match(/\/\*[\s\S]*?\*\//y, query, at);
    if (skipped !== "") at += skipped.length;
    else if (query.startsWith("/*", at)) {
      throw filterError(query, at, "Syntax error: Unclosed comment");
    } else return at;
  }
}

function match(pattern: RegExp, query: string, at: number): string {
  pattern.lastIndex = at;
  return pattern.exec(query)?.[0] ?? "";
}
