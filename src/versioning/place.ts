import { posix } from "node:path";

/** Whether a place (a path as the repository sees it) lies inside the repository. */
export function isPlaceInRepo(place: string): boolean {
  return (
    !posix.isAbsolute(place) && place !== ".." && !place.startsWith("../") && !place.includes("://")
  );
}
