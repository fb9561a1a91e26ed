import { parseViewRequirements, parseViewUpdates, parseViewVersion } from "../view-metadata.ts";
import { parseExactJson, printExactJson } from "./exact-json.ts";
import { tableMetadataJson } from "./table-metadata.ts";
import {
  parseNewOrder,
  parseNewSchema,
  parseNewSpec,
  parseTableRequirements,
  parseTableUpdates,
  parseTextList,
  parseTexts,
} from "./update-json.ts";

/**
 * The JSON of a REST catalog's bodies, with 64-bit integers exact. What is malformed is
 * `invalid_argument`, what is no JSON at all `data_loss`.
 */
export const catalogJson = {
  parse: parseExactJson,
  print: printExactJson,
  /** A table's metadata, ready to be printed. */
  metadata: tableMetadataJson,
  schema: parseNewSchema,
  spec: parseNewSpec,
  order: parseNewOrder,
  requirements: parseTableRequirements,
  updates: parseTableUpdates,
  /** A map of texts, such as properties. */
  texts: parseTexts,
  textList: parseTextList,
  viewVersion: parseViewVersion,
  viewUpdates: parseViewUpdates,
  viewRequirements: parseViewRequirements,
} as const;
