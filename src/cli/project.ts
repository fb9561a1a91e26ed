import type { Project } from "../project/index.ts";
import type { Session } from "./session.ts";

/**
 * Opens the project that the command works in; the frame closes it after the answer.
 * @throws `not_found` when there is none, unless `create` asks for one
 */
export async function openProject(
  session: Session,
  options: { readonly create?: boolean } = {},
): Promise<Project> {
  const { connect } = await import("../project/index.ts");
  const { home, log, progress, signal } = session;
  const project = await connect({
    ...(home === undefined ? {} : { home }),
    create: options.create ?? false,
    log,
    progress,
    signal,
  });
  return session.resources.use(project);
}
