export { allOf, type CompiledFilter, type Condition, compileFilter } from "./compile.ts";
