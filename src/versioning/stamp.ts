import { hostname, userInfo } from "node:os";
import { packageVersion } from "../foundation/index.ts";
import type { Stamp } from "../metadata/index.ts";
import { codeVersion } from "./code.ts";
import { environmentVersion } from "./environment.ts";

export interface StampOptions {
  /** The project's folder, whose code runs. */
  readonly folder: string;
  /** Who is to be named; by default `WAYBILL_USER`, else the system's user. */
  readonly user?: string;
}

/**
 * Makes the recorder's stamp: code version, environment and user, taken anew for each Execution. Keys that
 * have no value (no git, no container) are left out.
 */
export function makeStamp(options: StampOptions): Stamp {
  return async () => {
    const [code, environment] = await Promise.all([
      codeVersion(options.folder),
      environmentVersion(options.folder),
    ]);
    return {
      ...(code.commit === undefined ? {} : { code_commit: code.commit, code_dirty: code.isDirty }),
      ...(code.branch === undefined ? {} : { code_branch: code.branch }),
      ...(code.repository === undefined ? {} : { code_repository: code.repository }),
      ...(code.dirtyDigest === undefined ? {} : { code_dirty_digest: code.dirtyDigest }),
      waybill_version: packageVersion(),
      environment_digest: environment.digest,
      node_version: environment.nodeVersion,
      platform: `${environment.platform}-${environment.architecture}`,
      ...(Object.keys(environment.lockFiles).length === 0
        ? {}
        : { lock_files: environment.lockFiles }),
      ...(environment.containerImage === undefined
        ? {}
        : { container_image: environment.containerImage }),
      user: options.user ?? process.env["WAYBILL_USER"] ?? systemUser(),
      host: hostname(),
    };
  };
}

function systemUser(): string {
  try {
    return userInfo().username;
  } catch {
    // A container may run under a number that no user has.
    return String(process.getuid?.() ?? "unknown");
  }
}
