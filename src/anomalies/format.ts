import type { DescEnum } from "@bufbuild/protobuf";

/** Digits that fix any double beyond doubt where a tie of rounding is in question. */
const EXACT_DIGITS = 60;

/** A number as C prints it with `%g`: six significant digits, no trailing zeros. */
export function sixDigits(value: number): string {
  return significantDigits(value, 6);
}

/**
 * A number as C prints it with `%.<count>g`: no trailing zeros, an exponent of at least two digits below
 * 1e-4 and from 10^count. Ties round to even, where JavaScript would round up.
 */
export function significantDigits(value: number, count: number): string {
  if (Number.isNaN(value)) return "nan";
  if (!Number.isFinite(value)) return value < 0 ? "-inf" : "inf";
  if (value === 0) return Object.is(value, -0) ? "-0" : "0";
  const { digits, exponent } = roundToDigits(Math.abs(value), count);
  const sign = value < 0 ? "-" : "";
  const significant = digits.replace(/0+$/, "");
  if (exponent < -4 || exponent >= count) {
    const fraction = significant.slice(1);
    const size = String(Math.abs(exponent)).padStart(2, "0");
    const mantissa = fraction === "" ? significant : `${significant[0]}.${fraction}`;
    return `${sign}${mantissa}e${exponent < 0 ? "-" : "+"}${size}`;
  }
  if (exponent < 0) return `${sign}0.${"0".repeat(-exponent - 1)}${significant}`;
  const whole = digits.slice(0, exponent + 1);
  const fraction = significant.slice(exponent + 1);
  return fraction === "" ? sign + whole : `${sign}${whole}.${fraction}`;
}

/** A number as C prints it with `%f`: six digits after the point, never an exponent. */
export function sixDecimals(value: number): string {
  if (Number.isNaN(value)) return "nan";
  if (!Number.isFinite(value)) return value < 0 ? "-inf" : "inf";
  // From 1e21 on JavaScript gives up on fixed notation; such doubles are integers.
  if (Math.abs(value) >= 1e21) return `${BigInt(value)}.000000`;
  return value.toFixed(6);
}

/** A text as C source writes it, UTF-8 left readable. */
export function escapeText(text: string): string {
  let escaped = "";
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    const known = ESCAPES[character];
    if (known !== undefined) escaped += known;
    else if (code < 0x20 || code === 0x7f) escaped += `\\${code.toString(8).padStart(3, "0")}`;
    else escaped += character;
  }
  return escaped;
}

const ESCAPES: Readonly<Record<string, string>> = {
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  '"': '\\"',
  "'": "\\'",
  "\\": "\\\\",
};

/** The name of an enum's value as the `.proto` has it; a number it does not know is said to be so. */
export function enumName(description: DescEnum, number: number): string {
  return description.value[number]?.name ?? `unknown(${number})`;
}

/** Share of a whole in floored percent: `~12%`, `<1%`, or `?` when the whole is nothing. */
export function percentage(count: number, total: number): string {
  if (total === 0) return "?";
  const percent = (100 * count) / total;
  return percent < 1 ? "<1%" : `~${Math.floor(percent)}%`;
}

/**
 * A text as a float of 32 bits, as the C++ library that TFDV uses reads it: spaces around, one sign,
 * decimal digits with a point and an exponent, or inf, infinity, nan in any case.
 */
export function parseFloat32(text: string): number | undefined {
  const number = /^[ \t\n\v\f\r]*([+-]?)(.*?)[ \t\n\v\f\r]*$/s.exec(text);
  const body = number?.[2] ?? "";
  const sign = number?.[1] === "-" ? -1 : 1;
  if (/^inf(?:inity)?$/i.test(body)) return sign * Number.POSITIVE_INFINITY;
  if (/^nan(?:\([0-9a-z_]*\))?$/i.test(body)) return Number.NaN;
  if (!/^(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[+-]?[0-9]+)?$/i.test(body)) return undefined;
  return Math.fround(sign * Number(body));
}

/** The first digits of a positive number and the power of ten of the first of them. */
function roundToDigits(value: number, count: number): { digits: string; exponent: number } {
  const [mantissa, power] = value.toExponential(EXACT_DIGITS).split("e");
  const all = (mantissa ?? "").replace(".", "");
  let exponent = Number(power);
  const kept = all.slice(0, count);
  const rest = all.slice(count);
  const tie = `5${"0".repeat(rest.length - 1)}`;
  const lastIsOdd = Number(kept.at(-1)) % 2 === 1;
  const roundsUp = rest > tie || (rest === tie && lastIsOdd);
  let digits = roundsUp ? String(BigInt(kept) + 1n) : kept;
  if (digits.length > count) {
    digits = digits.slice(0, count);
    exponent += 1;
  }
  return { digits, exponent };
}
