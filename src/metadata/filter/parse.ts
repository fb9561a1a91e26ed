import { filterError, type Token, tokenize } from "./tokens.ts";

/** A parsed expression. `at` is where it stands in the query. */
export type Expression = { readonly at: number } & (
  | { readonly kind: "integer"; readonly value: bigint }
  | { readonly kind: "double"; readonly value: number }
  | { readonly kind: "string"; readonly value: string }
  | { readonly kind: "boolean"; readonly value: boolean }
  | { readonly kind: "null" }
  | { readonly kind: "name"; readonly parts: readonly string[] }
  | {
      readonly kind: "unary";
      readonly operator: "-" | "+" | "~" | "NOT";
      readonly operand: Expression;
    }
  | {
      readonly kind: "binary";
      readonly operator: string;
      readonly left: Expression;
      readonly right: Expression;
    }
  | {
      readonly kind: "in";
      readonly operand: Expression;
      readonly list: readonly Expression[];
      readonly isNegated: boolean;
    }
  | {
      readonly kind: "like";
      readonly operand: Expression;
      readonly pattern: Expression;
      readonly isNegated: boolean;
    }
  | {
      readonly kind: "between";
      readonly operand: Expression;
      readonly low: Expression;
      readonly high: Expression;
      readonly isNegated: boolean;
    }
  | {
      readonly kind: "is";
      readonly operand: Expression;
      readonly what: "NULL" | "TRUE" | "FALSE";
      readonly isNegated: boolean;
    }
  | {
      readonly kind: "case";
      readonly operand: Expression | undefined;
      readonly branches: readonly { readonly when: Expression; readonly result: Expression }[];
      readonly otherwise: Expression | undefined;
    }
  | { readonly kind: "cast"; readonly operand: Expression; readonly type: string }
  | { readonly kind: "call"; readonly name: string; readonly args: readonly Expression[] }
  | { readonly kind: "exists" }
);

/** Words that cannot name a column unless they are back-quoted or stand behind a dot. */
const RESERVED = new Set(
  "AND OR NOT IN LIKE BETWEEN IS NULL TRUE FALSE CASE WHEN THEN ELSE END CAST AS SELECT EXISTS FROM WHERE UNNEST".split(
    " ",
  ),
);

/** Nesting beyond any that a person writes, and within the stack. */
const DEPTH_MAX = 200;

/** Operators that stand left to right, the loosest binding first, below the comparisons. */
const LEVELS: readonly (readonly string[])[] = [
  ["|"],
  ["^"],
  ["&"],
  ["<<", ">>"],
  ["+", "-"],
  ["*", "/", "||"],
];

const COMPARISONS = new Set(["=", "!=", "<>", "<", "<=", ">", ">="]);

/**
 * Parses a filter query as ZetaSQL parses an expression, with its precedence and associativity.
 * @throws `invalid_argument` with the position of what it does not take
 */
export function parseFilter(query: string): Expression {
  const parser = new Parser(query);
  const expression = parser.expression();
  parser.expectEnd();
  return expression;
}

class Parser {
  readonly #query: string;
  readonly #tokens: readonly Token[];
  #index = 0;
  #depth = 0;

  constructor(query: string) {
    this.#query = query;
    this.#tokens = tokenize(query);
  }

  expression(): Expression {
    this.#depth += 1;
    if (this.#depth > DEPTH_MAX) {
      throw this.#error(`Expression is nested more than ${DEPTH_MAX} deep`);
    }
    let left = this.#and();
    while (this.#takeWord("OR")) {
      left = { kind: "binary", operator: "OR", left, right: this.#and(), at: left.at };
    }
    this.#depth -= 1;
    return left;
  }

  expectEnd(): void {
    if (this.#now.kind !== "end") throw this.#unexpected();
  }

  #and(): Expression {
    let left = this.#not();
    while (this.#takeWord("AND")) {
      left = { kind: "binary", operator: "AND", left, right: this.#not(), at: left.at };
    }
    return left;
  }

  #not(): Expression {
    const { at } = this.#now;
    let count = 0;
    while (this.#takeWord("NOT")) count += 1;
    let operand = this.#comparison();
    // Pairs of NOT are kept: NOT NOT NULL is NULL as well, but the type is checked at each.
    for (; count > 0; count -= 1) operand = { kind: "unary", operator: "NOT", operand, at };
    return operand;
  }

  /** Comparisons do not associate: `a = b = c` is an error. */
  #comparison(): Expression {
    const left = this.#level(0);
    const { at } = left;
    const token = this.#now;
    if (token.kind === "symbol" && COMPARISONS.has(token.text)) {
      this.#index += 1;
      return { kind: "binary", operator: token.text, left, right: this.#level(0), at };
    }
    if (this.#takeWord("IS")) {
      const isNegated = this.#takeWord("NOT");
      for (const what of ["NULL", "TRUE", "FALSE"] as const) {
        if (this.#takeWord(what)) return { kind: "is", operand: left, what, isNegated, at };
      }
      throw this.#unexpected();
    }
    const isNegated = this.#isWord("NOT");
    if (isNegated) this.#index += 1;
    if (this.#takeWord("IN")) {
      return { kind: "in", operand: left, list: this.#inList(), isNegated, at };
    }
    if (this.#takeWord("LIKE")) {
      return { kind: "like", operand: left, pattern: this.#level(0), isNegated, at };
    }
    if (this.#takeWord("BETWEEN")) {
      const low = this.#level(0);
      this.#expectWord("AND");
      return { kind: "between", operand: left, low, high: this.#level(0), isNegated, at };
    }
    if (isNegated) throw this.#unexpected();
    return left;
  }

  #inList(): Expression[] {
    if (this.#takeWord("UNNEST")) {
      this.#expectSymbol("(");
      this.#expectSymbol("[");
      const list = this.#isSymbol("]") ? [] : this.#list();
      this.#expectSymbol("]");
      this.#expectSymbol(")");
      return list;
    }
    this.#expectSymbol("(");
    const list = this.#takeWord("SELECT") ? [this.expression()] : this.#list();
    this.#expectSymbol(")");
    return list;
  }

  #list(): Expression[] {
    const list = [this.expression()];
    while (this.#takeSymbol(",")) list.push(this.expression());
    return list;
  }

  #level(level: number): Expression {
    const operators = LEVELS[level];
    if (operators === undefined) return this.#unary();
    let left = this.#level(level + 1);
    for (;;) {
      const token = this.#now;
      if (token.kind !== "symbol" || !operators.includes(token.text)) return left;
      this.#index += 1;
      const right = this.#level(level + 1);
      left = { kind: "binary", operator: token.text, left, right, at: left.at };
    }
  }

  #unary(): Expression {
    const operators: { readonly operator: "-" | "+" | "~"; readonly at: number }[] = [];
    for (;;) {
      const { at } = this.#now;
      const operator = (["-", "+", "~"] as const).find((text) => this.#takeSymbol(text));
      if (operator === undefined) break;
      operators.push({ operator, at });
    }
    let operand = this.#primary();
    for (const { operator, at } of operators.toReversed()) {
      operand = { kind: "unary", operator, operand, at };
    }
    return operand;
  }

  #primary(): Expression {
    const token = this.#now;
    const { at } = token;
    switch (token.kind) {
      case "integer":
      case "double":
      case "string":
        this.#index += 1;
        // A literal's token has the shape of its expression.
        return token;
      case "symbol": {
        if (!this.#takeSymbol("(")) throw this.#unexpected();
        this.#takeWord("SELECT");
        const inner = this.expression();
        this.#expectSymbol(")");
        return inner;
      }
      case "word":
        return this.#word(token, at);
      case "end":
        throw this.#unexpected();
      default:
        throw token satisfies never;
    }
  }

  #word(token: Token & { kind: "word" }, at: number): Expression {
    if (!token.isQuoted) {
      if (this.#takeWord("TRUE")) return { kind: "boolean", value: true, at };
      if (this.#takeWord("FALSE")) return { kind: "boolean", value: false, at };
      if (this.#takeWord("NULL")) return { kind: "null", at };
      if (this.#takeWord("CASE")) return this.#case(at);
      if (this.#takeWord("CAST")) return this.#cast(at);
      if (this.#takeWord("EXISTS")) return this.#exists(at);
      if (RESERVED.has(token.text.toUpperCase())) throw this.#unexpected();
    }
    this.#index += 1;
    if (!token.isQuoted && this.#takeSymbol("(")) {
      const args = this.#isSymbol(")") ? [] : this.#list();
      this.#expectSymbol(")");
      return { kind: "call", name: token.text.toUpperCase(), args, at };
    }
    const parts = [token.text];
    while (this.#takeSymbol(".")) {
      const part = this.#now;
      if (part.kind !== "word") throw this.#unexpected();
      this.#index += 1;
      parts.push(part.text);
    }
    return { kind: "name", parts, at };
  }

  #case(at: number): Expression {
    const operand = this.#isWord("WHEN") ? undefined : this.expression();
    const branches: { when: Expression; result: Expression }[] = [];
    while (this.#takeWord("WHEN")) {
      const when = this.expression();
      this.#expectWord("THEN");
      branches.push({ when, result: this.expression() });
    }
    if (branches.length === 0) throw this.#unexpected();
    const otherwise = this.#takeWord("ELSE") ? this.expression() : undefined;
    this.#expectWord("END");
    return { kind: "case", operand, branches, otherwise, at };
  }

  #cast(at: number): Expression {
    this.#expectSymbol("(");
    const operand = this.expression();
    this.#expectWord("AS");
    const type = this.#now;
    if (type.kind !== "word") throw this.#unexpected();
    this.#index += 1;
    this.#expectSymbol(")");
    return { kind: "cast", operand, type: type.text.toUpperCase(), at };
  }

  /** A subquery without tables has exactly one row. */
  #exists(at: number): Expression {
    this.#expectSymbol("(");
    this.#expectWord("SELECT");
    this.#list();
    this.#expectSymbol(")");
    return { kind: "exists", at };
  }

  get #now(): Token {
    return this.#tokens[this.#index] ?? { kind: "end", at: this.#query.length };
  }

  #isWord(word: string): boolean {
    const token = this.#now;
    return token.kind === "word" && !token.isQuoted && token.text.toUpperCase() === word;
  }

  #takeWord(word: string): boolean {
    const isIt = this.#isWord(word);
    if (isIt) this.#index += 1;
    return isIt;
  }

  #expectWord(word: string): void {
    if (!this.#takeWord(word)) throw this.#unexpected(`keyword ${word}`);
  }

  #isSymbol(text: string): boolean {
    const token = this.#now;
    return token.kind === "symbol" && token.text === text;
  }

  #takeSymbol(text: string): boolean {
    const isIt = this.#isSymbol(text);
    if (isIt) this.#index += 1;
    return isIt;
  }

  #expectSymbol(text: string): void {
    if (!this.#takeSymbol(text)) throw this.#unexpected(`"${text}"`);
  }

  #unexpected(wanted?: string): Error {
    const token = this.#now;
    const what =
      token.kind === "end"
        ? "end of expression"
        : token.kind === "word"
          ? `${RESERVED.has(token.text.toUpperCase()) ? "keyword" : "identifier"} ${JSON.stringify(token.text)}`
          : token.kind === "symbol"
            ? JSON.stringify(token.text)
            : `${token.kind} literal`;
    const message =
      wanted === undefined ? `Unexpected ${what}` : `Expected ${wanted} but got ${what}`;
    return this.#error(`Syntax error: ${message}`);
  }

  #error(message: string): Error {
    return filterError(this.#query, this.#now.at, message);
  }
}
