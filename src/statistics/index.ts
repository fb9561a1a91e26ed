export {
  encodeMessage,
  parseMessageText,
  printMessageText,
  readMessage,
  writeMessage,
} from "./proto-file.ts";
