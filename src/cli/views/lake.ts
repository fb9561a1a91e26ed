import type { LakeFile, PutFile } from "../../lake/index.ts";
import { wrongUse } from "../arguments.ts";
import { openProject } from "../project.ts";
import type { Session } from "../session.ts";

/** A file of the lake as `--json` has it: its record by id, not the record itself. */
export function lakeDocument(file: LakeFile | PutFile): Readonly<Record<string, unknown>> {
  const { artifact, ...facts } = file;
  return { ...facts, artifactId: artifact.id };
}

/** Names in the lake, for shell completion. */
export async function completeLakeNames(
  session: Session,
  word: string,
): Promise<readonly string[]> {
  const { lake } = await openProject(session);
  return (await lake.list(word)).map(({ name }) => name);
}

/** `--version N` as the lake takes it. */
export function parseVersion(
  commandName: string,
  text: string | undefined,
): { readonly version?: bigint } {
  if (text === undefined) return {};
  if (!/^[1-9]\d{0,17}$/.test(text)) {
    throw wrongUse(commandName, `--version needs a number from 1 on, and was given "${text}".`);
  }
  return { version: BigInt(text) };
}
