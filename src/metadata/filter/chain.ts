import type { Expression } from "./parse.ts";

/** The operands of a chain of one operator, however long, without recursion. */
export function chain(expression: Expression, operator: "AND" | "OR"): Expression[] {
  const parts: Expression[] = [];
  let rest = expression;
  while (rest.kind === "binary" && rest.operator === operator) {
    parts.push(rest.right);
    rest = rest.left;
  }
  parts.push(rest);
  return parts.reverse();
}

/** Joins many conditions without a tree as deep as their number, which databases limit. */
export function balanced(parts: readonly string[], operator: "AND" | "OR"): string {
  if (parts.length === 1) return parts[0] ?? "";
  const middle = Math.ceil(parts.length / 2);
  const left = balanced(parts.slice(0, middle), operator);
  const right = balanced(parts.slice(middle), operator);
  return `(${left} ${operator} ${right})`;
}
