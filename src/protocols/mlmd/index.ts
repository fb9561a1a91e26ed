export { metadataRpc } from "./rpc.ts";
