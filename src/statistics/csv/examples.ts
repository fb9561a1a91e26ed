import {
  EXAMPLES_PER_BATCH,
  type Example,
  type ExampleSource,
  type FeatureValue,
} from "../examples/example.ts";
import { CellKind, classifyCell } from "./number-text.ts";
import { type CsvLayout, readBlocks, type WatchOptions } from "./reader.ts";
import { unquote } from "./tokenizer.ts";

/** The rows of delimited text as examples; the kinds of its columns are known from a scan. */
export async function* readCsvExamples(
  layout: CsvLayout,
  kinds: ReadonlyMap<string, CellKind>,
  options: WatchOptions,
): ExampleSource {
  const columns = layout.names.flatMap((name, index) => {
    const kind = kinds.get(name);
    return kind === undefined || kind === CellKind.EMPTY ? [] : [{ name, index, kind }];
  });
  const width = layout.names.length;
  for await (const { bytes, tokenizer } of readBlocks(layout, options)) {
    let batch: Example[] = [];
    for (let row = 0; row < tokenizer.rows; row++) {
      const example = new Map<string, FeatureValue>();
      for (const { name, index, kind } of columns) {
        const cell = row * width + index;
        const value = cellValue(bytes, tokenizer.starts[cell]!, tokenizer.ends[cell]!, kind);
        if (value !== undefined) example.set(name, value);
      }
      batch.push(example);
      if (batch.length < EXAMPLES_PER_BATCH) continue;
      yield batch;
      batch = [];
    }
    if (batch.length > 0) yield batch;
  }
}

function cellValue(
  block: Uint8Array,
  start: number,
  end: number,
  kind: CellKind,
): FeatureValue | undefined {
  if (start === end) return undefined;
  let bytes = block.subarray(start, end);
  if (end < 0) {
    const text = new Uint8Array(~end - start);
    bytes = text.subarray(0, unquote(block, start, ~end, text));
    if (bytes.length === 0) return undefined;
  }
  if (kind === CellKind.STRING) return { kind: "string", depth: 1, items: [bytes] };
  const cell = classifyCell(bytes, 0, bytes.length);
  if (cell.kind === CellKind.EMPTY) return undefined;
  return kind === CellKind.INT
    ? { kind: "int", depth: 1, items: [cell.value] }
    : { kind: "float", depth: 1, items: [Math.fround(cell.value)] };
}
