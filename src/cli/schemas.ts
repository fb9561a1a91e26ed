import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Schema } from "../../gen/tensorflow_metadata/proto/v0/schema_pb.ts";
import { nearest, WaybillError } from "../foundation/index.ts";
import type { Project } from "../project/index.ts";
import { findHome } from "./home.ts";
import { openProject } from "./project.ts";
import type { Session } from "./session.ts";

/** Where a project keeps the versions of its schemas. */
export function schemaFolder(project: Project): string {
  return join(project.home, "schemas");
}

/**
 * A schema from a file, or a published one as `NAME` (its newest version) or `NAME@N`.
 * @throws `not_found` when it is neither
 */
export async function openSchema(session: Session, reference: string): Promise<Schema> {
  const { readSchema, readVersion, schemaHistory } = await import("../schema/index.ts");
  const published = /^([\w.-]+?)(?:@(\d{1,9}))?$/.exec(reference);
  const looksLikeFile = /\.(pbtxt|textproto|txtpb|txt|pb|binpb|tfrecord)$/.test(reference);
  if (existsSync(reference) || looksLikeFile || published === null) return readSchema(reference);
  if (findHome(session) === undefined) {
    throw new WaybillError(
      "not_found",
      `"${reference}" is no file, and there is no project here.`,
      {
        hint: "Name a schema file, or run this in a project.",
      },
    );
  }
  const [, name = "", wanted] = published;
  const { store, recorder } = await openProject(session);
  const versions = await schemaHistory(store, recorder, name);
  const version =
    wanted === undefined ? versions[0] : versions.find(({ number }) => number === Number(wanted));
  if (version === undefined) {
    const numbers = versions.map(({ number }) => String(number));
    throw new WaybillError("not_found", `The schema "${name}" has no version ${wanted}.`, {
      hint: `It has ${nearest(wanted ?? "", numbers, 3).join(", ") || `versions 1 to ${numbers[0]}`}.`,
    });
  }
  return readVersion(version);
}
