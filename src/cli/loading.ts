import type { TableChange } from "../warehouse/index.ts";
import type { Answer } from "./command.ts";
import { formatQuantity } from "./format.ts";
import { openProject } from "./project.ts";
import { inputArtifacts } from "./recording.ts";
import { fileRelation, readingFiles } from "./relations.ts";
import type { Session } from "./session.ts";
import { tableName } from "./tables.ts";

interface LoadRequest {
  readonly table: string;
  readonly files: readonly string[];
  readonly format: string | undefined;
  readonly session: Session;
}

/** Brings the rows of files into a table as one snapshot, recorded as a step `Load`. */
export async function loadFiles(verb: "load" | "append", request: LoadRequest): Promise<Answer> {
  const { files, format, session } = request;
  const { signal } = session;
  const table = tableName(request.table);
  const project = await openProject(session);
  const engine = await project.engine();
  const relation = await fileRelation(`warehouse ${verb}`, engine, files, format);
  const warehouse = await project.warehouse();
  const inputs = await inputArtifacts(
    project,
    { examples: { type: "Examples", paths: files } },
    signal,
  );
  const { value: change } = await project.recorder.step(
    "Load",
    { inputs, parameters: { table, ...(format === undefined ? {} : { format }) }, signal },
    (step) => readingFiles(files, () => warehouse[verb](step, table, { relation })),
  );
  return changeAnswer(
    change,
    `${change.table}: ${formatQuantity(change.addedRows, "row")} added, ` +
      `${formatQuantity(change.totalRows, "row")} now, snapshot ${change.snapshotId ?? "none"}.`,
  );
}

/** What a change of a table answers: its facts as data, and a sentence. */
export function changeAnswer(change: TableChange, note: string): Answer {
  const { artifact, ...facts } = change;
  return { json: { ...facts, artifactId: artifact.id }, note };
}
