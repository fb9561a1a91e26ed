export {
  type Lake,
  type LakeFile,
  type LakeOptions,
  openLake,
  type PutFile,
  type PutOptions,
  RAW_FILE,
  type VersionOption,
} from "./lake.ts";
export { mediaTypeOf } from "./media-type.ts";
export { checkName } from "./names.ts";
export type { LakeSource } from "./source.ts";
