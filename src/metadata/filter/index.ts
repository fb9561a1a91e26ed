export { allOf, type CompiledFilter, compileFilter } from "./compile.ts";
export type { Condition } from "./expression.ts";
