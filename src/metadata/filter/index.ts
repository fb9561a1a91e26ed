export { type CompiledFilter, compileFilter } from "./compile.ts";
