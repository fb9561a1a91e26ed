export type { HeadLookup } from "./catalog.ts";
export type { TableField, TableSchema } from "./formats/table-schema.ts";
export type { AsOf } from "./scan.ts";
export {
  type ColumnDefinition,
  openWarehouse,
  type SnapshotView,
  type TableChange,
  type TableView,
  type Warehouse,
  type WarehouseOptions,
} from "./warehouse.ts";
