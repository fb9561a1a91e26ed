import { isUtf8 } from "node:buffer";
import { WaybillError } from "../foundation/index.ts";

/** A value of a table and how often it came (or the sum of its weights). */
export interface CountedValue {
  readonly bytes: Uint8Array;
  readonly count: number;
}

/**
 * Counts of distinct byte strings: open addressing over slots of 16 bytes (hash, arena offset, count as
 * a double), so that a hit touches one line of slots and one of the arena. Entries of the arena are a
 * 32-bit length and the bytes, aligned to 4. Offset 0 is an empty slot.
 */
export class StringTable {
  #size = 0;
  // Small at first: there may be 100,000 features.
  #mask = 15;
  #words = new Int32Array(16 * SLOT_WORDS);
  #counts = new Float64Array(this.#words.buffer);
  #arena = new Uint8Array(256);
  #lengths = new Int32Array(this.#arena.buffer);
  #used = 4;
  #hasInvalidUtf8 = false;

  /** Distinct values. */
  get size(): number {
    return this.#size;
  }

  /** Bytes of memory held. */
  get memoryBytes(): number {
    return this.#words.byteLength + this.#arena.byteLength;
  }

  /**
   * Adds `count` to the value `bytes[start, end)`.
   * @returns whether the value is new
   */
  add(bytes: Uint8Array, start: number, end: number, count = 1): boolean {
    const length = end - start;
    let hash = length;
    let high = 0;
    let at = start;
    for (; at + 4 <= end; at += 4) {
      const word =
        bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
      high |= word;
      hash = Math.imul(hash ^ word, 0x9e3779b1);
      hash ^= hash >>> 15;
    }
    if (at < end) {
      let word = bytes[at]!;
      if (at + 1 < end) word |= bytes[at + 1]! << 8;
      if (at + 2 < end) word |= bytes[at + 2]! << 16;
      high |= word;
      hash = Math.imul(hash ^ word, 0x9e3779b1);
    }
    hash = Math.imul(hash ^ (hash >>> 15), 0x85ebca77);
    hash ^= hash >>> 13;
    const words = this.#words;
    const mask = this.#mask;
    const arena = this.#arena;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const word = slot * SLOT_WORDS;
      const offset = words[word + 1]!;
      if (offset === 0) {
        this.#insert(slot, hash, bytes, start, end, count);
        if ((high & 0x80808080) !== 0 && !isUtf8(bytes.subarray(start, end))) {
          this.#hasInvalidUtf8 = true;
        }
        return true;
      }
      if (words[word] !== hash || this.#lengths[offset >> 2] !== length) continue;
      let same = 0;
      while (same < length && arena[offset + 4 + same] === bytes[start + same]) same++;
      if (same === length) {
        this.#counts[slot * 2 + 1]! += count;
        return false;
      }
    }
  }

  /** Adds every value of another table. */
  addAll(other: StringTable): void {
    for (const { bytes, count } of other.entries()) this.add(bytes, 0, bytes.length, count);
  }

  /** Every value, in no particular order; the bytes are views that hold until the next `add`. */
  *entries(): Iterable<CountedValue> {
    for (let slot = 0; slot <= this.#mask; slot++) {
      const offset = this.#words[slot * SLOT_WORDS + 1]!;
      if (offset !== 0) yield this.#entryAt(slot, offset);
    }
  }

  /** The sum of the counts of values that are not UTF-8. */
  invalidUtf8Count(): number {
    if (!this.#hasInvalidUtf8) return 0;
    let sum = 0;
    for (const { bytes, count } of this.entries()) if (!isUtf8(bytes)) sum += count;
    return sum;
  }

  /** The `limit` most frequent values: count descending, then value descending by bytes. */
  top(limit: number): CountedValue[] {
    const threshold = this.#countOfRank(limit);
    const certain: CountedValue[] = [];
    const tied: number[] = [];
    for (let slot = 0; slot <= this.#mask; slot++) {
      const offset = this.#words[slot * SLOT_WORDS + 1]!;
      if (offset === 0) continue;
      const count = this.#counts[slot * 2 + 1]!;
      if (count > threshold) certain.push(this.#entryAt(slot, offset));
      else if (count === threshold) tied.push(offset);
    }
    certain.sort(compareCounted);
    const room = Math.max(0, limit - certain.length);
    for (const offset of this.#greatest(tied, room)) {
      certain.push({ bytes: this.#bytesAt(offset), count: threshold });
    }
    return certain;
  }

  /** The `limit` greatest values by bytes, descending. */
  #greatest(offsets: number[], limit: number): number[] {
    const kept: number[] = [];
    if (limit === 0) return kept;
    if (offsets.length < limit * SORT_FACTOR) {
      return offsets.sort((a, b) => this.#compare(b, a)).slice(0, limit);
    }
    // A few of many: nearly all are refused by one comparison.
    for (const offset of offsets) {
      if (kept.length === limit && this.#compare(offset, kept[limit - 1]!) < 0) continue;
      let low = 0;
      let high = kept.length;
      while (low < high) {
        const middle = (low + high) >> 1;
        if (this.#compare(offset, kept[middle]!) > 0) high = middle;
        else low = middle + 1;
      }
      if (kept.length === limit) kept.pop();
      kept.splice(low, 0, offset);
    }
    return kept;
  }

  #compare(a: number, b: number): number {
    const arena = this.#arena;
    const lengthA = this.#lengths[a >> 2]!;
    const lengthB = this.#lengths[b >> 2]!;
    const shorter = Math.min(lengthA, lengthB);
    for (let at = 4; at < shorter + 4; at++) {
      const difference = arena[a + at]! - arena[b + at]!;
      if (difference !== 0) return difference;
    }
    return lengthA - lengthB;
  }

  /** The count of the value at a place of the order by count, 0 when there are fewer values. */
  #countOfRank(rank: number): number {
    if (this.#size <= rank) return 0;
    // Counts of one are most of many: they need no sorting.
    const others: number[] = [];
    let above = 0;
    for (let slot = 0; slot <= this.#mask; slot++) {
      if (this.#words[slot * SLOT_WORDS + 1] === 0) continue;
      const count = this.#counts[slot * 2 + 1]!;
      if (count !== 1) others.push(count);
      if (count > 1) above++;
    }
    const ones = this.#size - others.length;
    if (rank > above && rank <= above + ones) return 1;
    const sorted = Float64Array.from(others).sort();
    return sorted[sorted.length - (rank <= above ? rank : rank - ones)]!;
  }

  #entryAt(slot: number, offset: number): CountedValue {
    return { bytes: this.#bytesAt(offset), count: this.#counts[slot * 2 + 1]! };
  }

  #bytesAt(offset: number): Uint8Array {
    const start = offset + 4;
    return this.#arena.subarray(start, start + this.#lengths[offset >> 2]!);
  }

  #insert(
    slot: number,
    hash: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    count: number,
  ): void {
    const offset = this.#used;
    const used = (offset + 4 + (end - start) + 3) & ~3;
    if (used > this.#arena.length) this.#growArena(used);
    this.#lengths[offset >> 2] = end - start;
    const arena = this.#arena;
    for (let from = start, to = offset + 4; from < end; ) arena[to++] = bytes[from++]!;
    this.#used = used;
    this.#words[slot * SLOT_WORDS] = hash;
    this.#words[slot * SLOT_WORDS + 1] = offset;
    this.#counts[slot * 2 + 1] = count;
    this.#size++;
    if (this.#size * 2 > this.#mask) this.#growSlots();
  }

  #growArena(needed: number): void {
    if (needed > MAX_ARENA_BYTES) {
      throw new WaybillError(
        "resource_exhausted",
        `The distinct values of a feature take more than ${MAX_ARENA_BYTES >> 20} MiB.`,
        { hint: "Leave that feature out with featureAllowlist, or use sketches." },
      );
    }
    const larger = new Uint8Array(
      Math.max(needed + 3, Math.min(this.#arena.length * 2, MAX_ARENA_BYTES)) & ~3,
    );
    larger.set(this.#arena.subarray(0, this.#used));
    this.#arena = larger;
    this.#lengths = new Int32Array(larger.buffer);
  }

  #growSlots(): void {
    const old = this.#words;
    const oldCounts = this.#counts;
    const slots = (this.#mask + 1) * (this.#mask < 1 << 18 ? 4 : 2);
    const words = new Int32Array(slots * SLOT_WORDS);
    const counts = new Float64Array(words.buffer);
    const mask = slots - 1;
    for (let from = 0; from <= this.#mask; from++) {
      const offset = old[from * SLOT_WORDS + 1]!;
      if (offset === 0) continue;
      const hash = old[from * SLOT_WORDS]!;
      let slot = hash & mask;
      while (words[slot * SLOT_WORDS + 1] !== 0) slot = (slot + 1) & mask;
      words[slot * SLOT_WORDS] = hash;
      words[slot * SLOT_WORDS + 1] = offset;
      counts[slot * 2 + 1] = oldCounts[from * 2 + 1]!;
    }
    this.#words = words;
    this.#counts = counts;
    this.#mask = mask;
  }
}

const SLOT_WORDS = 4;

/** When values are at least this many times those wanted, inserting into a short list beats sorting. */
const SORT_FACTOR = 16;
const MAX_ARENA_BYTES = 1 << 30;

function compareCounted(a: CountedValue, b: CountedValue): number {
  return b.count - a.count || Buffer.compare(b.bytes, a.bytes);
}
