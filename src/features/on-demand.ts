import type { Dialect } from "../engine/index.ts";
import { WaybillError } from "../foundation/index.ts";
import type { Expression, Field } from "./definitions.ts";
import { castTo, type FeatureValue, featureValueOf } from "./value-type.ts";

/**
 * An expression as SQL over columns, of the field's type. Sums, differences and products of whole
 * numbers stay whole; a quotient is a double, of a zero divisor infinite or NaN. Null in, null out.
 * @param columnOf the column of an input, as an identifier
 */
export function expressionSql(
  dialect: Dialect,
  field: Field,
  [operator, left, right]: Expression,
  columnOf: (input: string) => string,
): string {
  const [a, b] = [left, right].map((operand) =>
    typeof operand === "string" ? columnOf(operand) : numberSql(dialect, operand),
  );
  const computed =
    operator === "div" ? dialect.divide(String(a), String(b)) : `(${a} ${SYMBOLS[operator]} ${b})`;
  return castTo(dialect, computed, field.dtype);
}

/**
 * An expression over the values of one row, by the rules of {@link expressionSql}.
 * @throws `out_of_range` when a whole number does not fit the field's type
 */
export function expressionValue(
  field: Field,
  [operator, left, right]: Expression,
  inputOf: (input: string) => FeatureValue,
): FeatureValue {
  const a = typeof left === "string" ? numberOf(inputOf(left)) : constantOf(left);
  const b = typeof right === "string" ? numberOf(inputOf(right)) : constantOf(right);
  if (a === null || b === null) return null;
  if (operator === "gt") return boundTo(field, a > b);
  if (operator === "div") return boundTo(field, Number(a) / Number(b));
  if (typeof a === "bigint" && typeof b === "bigint") {
    return boundTo(field, operator === "add" ? a + b : operator === "sub" ? a - b : a * b);
  }
  const [x, y] = [Number(a), Number(b)];
  return boundTo(field, operator === "add" ? x + y : operator === "sub" ? x - y : x * y);
}

const SYMBOLS = { add: "+", sub: "-", mul: "*", gt: ">" } as const;

function numberSql(dialect: Dialect, value: number): string {
  return Number.isInteger(value) ? `(${value})` : dialect.double(value);
}

function constantOf(value: number): bigint | number {
  return Number.isInteger(value) ? BigInt(value) : value;
}

/** INT32 values are numbers inside, and whole all the same. */
function numberOf(value: FeatureValue): bigint | number | null {
  if (value === null || typeof value === "bigint") return value;
  if (typeof value === "number") return value;
  if (typeof value === "boolean") return value ? 1n : 0n;
  throw new WaybillError(
    "invalid_argument",
    "An on demand feature reads a value that is no number.",
  );
}

function boundTo(field: Field, result: bigint | number | boolean): FeatureValue {
  const whole = field.dtype === "INT32" || field.dtype === "INT64";
  if (!whole) {
    return featureValueOf(
      field.dtype,
      typeof result === "boolean" && field.dtype !== "BOOL" ? Number(result) : result,
      `On demand feature "${field.name}"`,
    );
  }
  // As SQL does: a fraction is rounded, and what does not fit is an error.
  const rounded = typeof result === "number" ? roundHalfEven(result) : BigInt(result);
  const bits = field.dtype === "INT32" ? 32 : 64;
  if (rounded === undefined || BigInt.asIntN(bits, rounded) !== rounded) {
    throw new WaybillError(
      "out_of_range",
      `On demand feature "${field.name}" is ${result}, which does not fit ${field.dtype}.`,
    );
  }
  return field.dtype === "INT32" ? Number(rounded) : rounded;
}

/** DuckDB casts doubles to integers by the processor's rounding: halves go to the even neighbour. */
function roundHalfEven(value: number): bigint | undefined {
  if (!Number.isFinite(value)) return undefined;
  const floor = Math.floor(value);
  const fraction = value - floor;
  if (fraction < 0.5) return BigInt(floor);
  if (fraction > 0.5) return BigInt(floor + 1);
  return BigInt(floor % 2 === 0 ? floor : floor + 1);
}
