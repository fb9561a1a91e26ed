export { DATA_PACKAGE, hasDataPackage } from "./data.ts";
export { type JourneyOptions, type JourneyResult, runJourney } from "./journey.ts";
