import { isUtf8 } from "node:buffer";
import { WaybillError } from "../foundation/index.ts";

/** A value of a table and how often it came (or the sum of its weights). */
export interface CountedValue {
  readonly bytes: Uint8Array;
  readonly count: number;
}

/**
 * Counts of distinct byte strings: open addressing over slots of 8 bytes (hash, place in the arena), so
 * that a hit touches one line of slots and one of the arena. An entry of the arena is a count (64 bits),
 * a length (32 bits) and the bytes, aligned to 8; entries follow each other in the order in which values
 * first came. Place 0 is an empty slot.
 */
export class StringTable {
  #size = 0;
  #mask: number;
  #slots: Int32Array;
  #arena: Uint8Array;
  #counts: Float64Array;
  #lengths: Int32Array;
  #used = FIRST_PLACE;
  #hasInvalidUtf8 = false;
  #packed: Packed | undefined;

  /**
   * Small at first: there may be 100,000 features.
   * @param expected how many values will come, and their bytes in all, where that is known
   */
  constructor(expected: { readonly values: number; readonly bytes: number } = SMALL) {
    if (expected === NOTHING) {
      this.#mask = 0;
      this.#slots = NO_WORDS;
      this.#arena = NO_BYTES;
      this.#counts = NO_COUNTS;
      this.#lengths = NO_WORDS;
      return;
    }
    this.#mask = 2 ** Math.ceil(Math.log2(expected.values * 2 + 2)) - 1;
    this.#slots = new Int32Array((this.#mask + 1) * SLOT_WORDS);
    const arenaBytes = FIRST_PLACE + expected.values * (ENTRY_BYTES + 7) + expected.bytes;
    this.#arena = new Uint8Array((arenaBytes + 7) & ~7);
    this.#counts = new Float64Array(this.#arena.buffer);
    this.#lengths = new Int32Array(this.#arena.buffer);
  }

  /**
   * A table of values that are known to be distinct, laid end to end in `text`. It is built only when more
   * is asked of it than its entries: merges of many days only ask for those.
   */
  static packed(counts: Float64Array, lengths: Float64Array, text: Uint8Array): StringTable {
    const table = new StringTable(NOTHING);
    table.#size = counts.length;
    table.#packed = { counts, lengths, text };
    return table;
  }

  /** Distinct values. */
  get size(): number {
    return this.#size;
  }

  /** Bytes of memory held. */
  get memoryBytes(): number {
    return this.#slots.byteLength + this.#arena.byteLength;
  }

  /**
   * Adds `count` to the value `bytes[start, end)`.
   * @returns whether the value is new
   */
  add(bytes: Uint8Array, start: number, end: number, count = 1): boolean {
    if (this.#packed !== undefined) this.#unpack();
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
    const slots = this.#slots;
    const mask = this.#mask;
    const arena = this.#arena;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const place = slots[slot * SLOT_WORDS + 1]!;
      if (place === 0) {
        this.#insert(slot, hash, bytes, start, end, count);
        if ((high & 0x80808080) !== 0 && !isUtf8(bytes.subarray(start, end))) {
          this.#hasInvalidUtf8 = true;
        }
        return true;
      }
      if (slots[slot * SLOT_WORDS] !== hash || this.#lengths[(place + 8) >> 2] !== length) continue;
      const text = place + ENTRY_BYTES;
      let same = 0;
      while (same < length && arena[text + same] === bytes[start + same]) same++;
      if (same === length) {
        this.#counts[place >> 3]! += count;
        return false;
      }
    }
  }

  /** Adds every value of another table. */
  addAll(other: StringTable): void {
    if (other.#packed !== undefined) {
      const { counts, lengths, text } = other.#packed;
      for (let index = 0, at = 0; index < counts.length; index++) {
        const start = at;
        at += lengths[index]!;
        this.add(text, start, at, counts[index]!);
      }
      return;
    }
    for (const { bytes, count } of other.entries()) this.add(bytes, 0, bytes.length, count);
  }

  /** Every value, in the order of first coming; the bytes are views that hold until the next `add`. */
  *entries(): Iterable<CountedValue> {
    if (this.#packed !== undefined) {
      const { counts, lengths, text } = this.#packed;
      for (let index = 0, at = 0; index < counts.length; index++) {
        const start = at;
        at += lengths[index]!;
        yield { bytes: text.subarray(start, at), count: counts[index]! };
      }
      return;
    }
    for (let place = FIRST_PLACE; place < this.#used; place = this.#placeAfter(place)) {
      yield this.#entryAt(place);
    }
  }

  /** The sum of the counts of values that are not UTF-8. */
  invalidUtf8Count(): number {
    if (!this.#hasInvalidUtf8 && this.#packed === undefined) return 0;
    let sum = 0;
    for (const { bytes, count } of this.entries()) if (!isUtf8(bytes)) sum += count;
    return sum;
  }

  /** The `limit` most frequent values: count descending, then value descending by bytes. */
  top(limit: number): CountedValue[] {
    if (this.#packed !== undefined) this.#unpack();
    const threshold = this.#countOfRank(limit);
    const certain: CountedValue[] = [];
    const tied: number[] = [];
    for (let place = FIRST_PLACE; place < this.#used; place = this.#placeAfter(place)) {
      const count = this.#counts[place >> 3]!;
      if (count > threshold) certain.push(this.#entryAt(place));
      else if (count === threshold) tied.push(place);
    }
    certain.sort(compareCounted);
    const room = Math.max(0, limit - certain.length);
    for (const place of this.#greatest(tied, room)) certain.push(this.#entryAt(place));
    return certain;
  }

  #unpack(): void {
    const built = new StringTable({
      values: this.#packed!.counts.length,
      bytes: this.#packed!.text.length,
    });
    built.addAll(this);
    this.#packed = undefined;
    this.#mask = built.#mask;
    this.#slots = built.#slots;
    this.#arena = built.#arena;
    this.#counts = built.#counts;
    this.#lengths = built.#lengths;
    this.#used = built.#used;
    this.#hasInvalidUtf8 = built.#hasInvalidUtf8;
  }

  /** The `limit` greatest values by bytes, descending. */
  #greatest(places: number[], limit: number): number[] {
    const kept: number[] = [];
    if (limit === 0) return kept;
    if (places.length < limit * SORT_FACTOR) {
      return places.sort((a, b) => this.#compare(b, a)).slice(0, limit);
    }
    // A few of many: nearly all are refused by one comparison.
    for (const place of places) {
      if (kept.length === limit && this.#compare(place, kept[limit - 1]!) < 0) continue;
      let low = 0;
      let high = kept.length;
      while (low < high) {
        const middle = (low + high) >> 1;
        if (this.#compare(place, kept[middle]!) > 0) high = middle;
        else low = middle + 1;
      }
      if (kept.length === limit) kept.pop();
      kept.splice(low, 0, place);
    }
    return kept;
  }

  #compare(a: number, b: number): number {
    const arena = this.#arena;
    const lengthA = this.#lengths[(a + 8) >> 2]!;
    const lengthB = this.#lengths[(b + 8) >> 2]!;
    const end = Math.min(lengthA, lengthB) + ENTRY_BYTES;
    for (let at = ENTRY_BYTES; at < end; at++) {
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
    for (let place = FIRST_PLACE; place < this.#used; place = this.#placeAfter(place)) {
      const count = this.#counts[place >> 3]!;
      if (count !== 1) others.push(count);
      if (count > 1) above++;
    }
    const ones = this.#size - others.length;
    if (rank > above && rank <= above + ones) return 1;
    const sorted = Float64Array.from(others).sort();
    return sorted[sorted.length - (rank <= above ? rank : rank - ones)]!;
  }

  #placeAfter(place: number): number {
    return (place + ENTRY_BYTES + this.#lengths[(place + 8) >> 2]! + 7) & ~7;
  }

  #entryAt(place: number): CountedValue {
    const start = place + ENTRY_BYTES;
    return {
      bytes: this.#arena.subarray(start, start + this.#lengths[(place + 8) >> 2]!),
      count: this.#counts[place >> 3]!,
    };
  }

  #insert(
    slot: number,
    hash: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    count: number,
  ): void {
    const place = this.#used;
    const used = (place + ENTRY_BYTES + (end - start) + 7) & ~7;
    if (used > this.#arena.length) this.#growArena(used);
    this.#counts[place >> 3] = count;
    this.#lengths[(place + 8) >> 2] = end - start;
    const arena = this.#arena;
    for (let from = start, to = place + ENTRY_BYTES; from < end; ) arena[to++] = bytes[from++]!;
    this.#used = used;
    this.#slots[slot * SLOT_WORDS] = hash;
    this.#slots[slot * SLOT_WORDS + 1] = place;
    this.#size++;
    if (this.#size * 2 > this.#mask) this.#growSlots();
  }

  #growArena(needed: number): void {
    if (needed > MAX_ARENA_BYTES) {
      throw new WaybillError(
        "resource_exhausted",
        `The distinct values of a feature take more than ${MAX_ARENA_BYTES >> 20} MiB.`,
        { hint: "Leave that feature out with featureAllowlist." },
      );
    }
    const doubled = Math.min(this.#arena.length * 2, MAX_ARENA_BYTES);
    const larger = new Uint8Array((Math.max(needed, doubled) + 7) & ~7);
    larger.set(this.#arena.subarray(0, this.#used));
    this.#arena = larger;
    this.#counts = new Float64Array(larger.buffer);
    this.#lengths = new Int32Array(larger.buffer);
  }

  #growSlots(): void {
    const old = this.#slots;
    const count = (this.#mask + 1) * (this.#mask < 1 << 18 ? 4 : 2);
    const slots = new Int32Array(count * SLOT_WORDS);
    const mask = count - 1;
    for (let from = 0; from < old.length; from += SLOT_WORDS) {
      const place = old[from + 1]!;
      if (place === 0) continue;
      const hash = old[from]!;
      let slot = hash & mask;
      while (slots[slot * SLOT_WORDS + 1] !== 0) slot = (slot + 1) & mask;
      slots[slot * SLOT_WORDS] = hash;
      slots[slot * SLOT_WORDS + 1] = place;
    }
    this.#slots = slots;
    this.#mask = mask;
  }
}

const SLOT_WORDS = 2;

/** Of an entry before its bytes. */
const ENTRY_BYTES = 12;

interface Packed {
  readonly counts: Float64Array;
  readonly lengths: Float64Array;
  readonly text: Uint8Array;
}

const NOTHING = { values: 0, bytes: 0 } as const;
const NO_WORDS = new Int32Array(0);
const NO_BYTES = new Uint8Array(0);
const NO_COUNTS = new Float64Array(0);
const SMALL = { values: 7, bytes: 100 } as const;

/** Not 0, which is an empty slot. */
const FIRST_PLACE = 8;
const MAX_ARENA_BYTES = 1 << 30;

/** When values are at least this many times those wanted, inserting into a short list beats sorting. */
const SORT_FACTOR = 16;

function compareCounted(a: CountedValue, b: CountedValue): number {
  return b.count - a.count || Buffer.compare(b.bytes, a.bytes);
}
