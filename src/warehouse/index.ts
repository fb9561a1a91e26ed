export type { HeadLookup } from "./catalog.ts";
export type { Alteration, ColumnDefinition } from "./evolve.ts";
export { catalogJson } from "./formats/catalog-json.ts";
export type { ExactJson } from "./formats/exact-json.ts";
export type { TableField, TableSchema } from "./formats/table-schema.ts";
export type { MergeOptions } from "./merge.ts";
export type { Condition } from "./prune.ts";
export type { RefDefinition } from "./refs.ts";
export type { AsOf } from "./scan.ts";
export { openSubjects, type Subjects, type TableDescription } from "./subjects.ts";
export type {
  CatalogCommit,
  CatalogTable,
  TableCatalog,
  TableIdentifier,
} from "./table-catalog.ts";
export type { CatalogView } from "./view-catalog.ts";
export type { SnapshotView, TableChange, TableView } from "./views.ts";
export {
  openWarehouse,
  type Warehouse,
  type WarehouseOptions,
} from "./warehouse.ts";
