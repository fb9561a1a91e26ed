export { type AddedVersion, add, DATA_VERSION } from "./add.ts";
export { type CodeVersion, codeVersion } from "./code.ts";
export { type EnvironmentVersion, environmentVersion } from "./environment.ts";
export { type InitOptions, init } from "./init.ts";
export { type LinkType, openRepo, type Repo } from "./repo.ts";
export { makeStamp, type StampOptions } from "./stamp.ts";
export { formatStatus, type Status, type StatusOptions, status } from "./status.ts";
