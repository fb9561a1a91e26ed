/**
 * Loads the Git LFS client, which is a part of its own within versioning: `const lfs = await loadLfs()`, then
 * `lfs.pull(lfs.openLfsRepository("."))`. What versions by dvc alone never loads it.
 */
export function loadLfs(): Promise<typeof import("./index.ts")> {
  return import("./index.ts");
}
