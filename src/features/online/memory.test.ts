import { memoryOnlineStore } from "./memory.ts";
import { onlineStoreConformance } from "./online.conformance.ts";

onlineStoreConformance("memory", async () => memoryOnlineStore());
