/** Everything is 32 bits wide inside of a UBIGINT, so that products do not overflow. */
const MASK = "4294967295::UBIGINT";

/**
 * Murmur3 (x86, 32 bits, seed 0) of the eight little-endian bytes of a BIGINT, as a UBIGINT below 2^32.
 * Source: Apache Iceberg specification, appendix B, "32-bit Hash Requirements".
 */
export function murmurOfLong(x: string): string {
  const blocks = `[(${x} & 4294967295)::UBIGINT, ((${x} >> 32) & 4294967295)::UBIGINT]`;
  return finish(folded(blocks), "8::UBIGINT");
}

/** As {@link murmurOfLong}, of the bytes of a BLOB, or of a text's UTF-8. */
export function murmurOfBytes(x: string): string {
  const hex = `hex(${x})`;
  const length = `(length(${hex}) // 2)`;
  const littleEndian = (from: string) =>
    [6, 4, 2, 0].map((offset) => `substr(${hex}, ${from} + ${offset + 1}, 2)`).join(" || ");
  const blocks = `list_transform(range(${length} // 4), lambda i: ('0x' || ${littleEndian("8 * i")})::UBIGINT)`;
  // Up to three bytes are left; what is beyond the end is an empty text.
  const tail = `('0x0' || ${littleEndian(`8 * (${length} // 4)`)})::UBIGINT`;
  return finish(`xor(${folded(blocks)}, ${mixed(`[${tail}]`)}[1])`, `${length}::UBIGINT`);
}

/** Lambdas stand for the variables of the algorithm, which SQL has not. */
function mixed(blocks: string): string {
  const multiplied = `list_transform(${blocks}, lambda k: (k * 3432918353) & ${MASK})`;
  const rotated = `list_transform(${multiplied}, lambda k: ((k << 15) | (k >> 17)) & ${MASK})`;
  return `list_transform(${rotated}, lambda k: (k * 461845907) & ${MASK})`;
}

function folded(blocks: string): string {
  const rotated = `(((xor(h, k) << 13) | (xor(h, k) >> 19)) & ${MASK})`;
  const next = `((${rotated} * 5 + 3864292196) & ${MASK})`;
  return `list_reduce(${mixed(blocks)}, lambda h, k: ${next}, 0::UBIGINT)`;
}

function finish(hash: string, length: string): string {
  const steps = [
    `(xor(h, h >> 16) * 2246822507) & ${MASK}`,
    `(xor(h, h >> 13) * 3266489909) & ${MASK}`,
    "xor(h, h >> 16)",
  ];
  const start = `[xor(${hash}, ${length})]`;
  return `${steps.reduce((list, step) => `list_transform(${list}, lambda h: ${step})`, start)}[1]`;
}
