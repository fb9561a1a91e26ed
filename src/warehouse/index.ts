export type { HeadLookup } from "./catalog.ts";
export type {
  Alteration,
  ColumnDefinition,
  PartitionDefinition,
  SortDefinition,
} from "./evolve.ts";
export type { TableField, TableSchema } from "./formats/table-schema.ts";
export type { CleanUp } from "./orphans.ts";
export type { ExpireOptions, RefDefinition } from "./refs.ts";
export type { BranchOption, MergeOptions } from "./rows.ts";
export type { AsOf } from "./scan.ts";
export type { SnapshotView, TableChange, TableView } from "./views.ts";
export {
  openWarehouse,
  type RowSource,
  type TableOptions,
  type Warehouse,
  type WarehouseOptions,
} from "./warehouse.ts";
