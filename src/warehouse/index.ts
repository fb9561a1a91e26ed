export type { HeadLookup } from "./catalog.ts";
export type {
  Alteration,
  ColumnDefinition,
  PartitionDefinition,
  SortDefinition,
} from "./evolve.ts";
export { type ExactJson, parseExactJson, printExactJson } from "./formats/exact-json.ts";
export { tableMetadataJson } from "./formats/table-metadata.ts";
export type { TableField, TableSchema } from "./formats/table-schema.ts";
export {
  parseNewOrder,
  parseNewSchema,
  parseNewSpec,
  parseTableRequirements,
  parseTableUpdates,
  parseTextList,
  parseTexts,
} from "./formats/update-json.ts";
export type { CleanUp } from "./orphans.ts";
export type { ExpireOptions, RefDefinition } from "./refs.ts";
export type { BranchOption, MergeOptions } from "./rows.ts";
export type { AsOf } from "./scan.ts";
export type {
  CatalogCommit,
  CatalogTable,
  TableCatalog,
  TableIdentifier,
} from "./table-catalog.ts";
export type { SnapshotView, TableChange, TableView } from "./views.ts";
export {
  openWarehouse,
  type RowSource,
  type TableOptions,
  type Warehouse,
  type WarehouseOptions,
} from "./warehouse.ts";
