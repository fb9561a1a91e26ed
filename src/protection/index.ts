export {
  ACTIONS,
  type Action,
  authorize,
  type Caller,
  isAllowed,
  parseScope,
  RESOURCE_KINDS,
  type Resource,
  type ResourceKind,
  ROLES,
  type Role,
} from "./access.ts";
export {
  addToken,
  authenticateToken,
  listTokens,
  type NewToken,
  openTokens,
  revokeToken,
  type TokenInfo,
  type TokenReader,
} from "./tokens.ts";
