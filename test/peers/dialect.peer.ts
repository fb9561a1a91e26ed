// Evaluates every expression of the Spark dialect on Spark itself, with the values DuckDB must give too.
import { DIALECT_CASES, statementOf } from "../../src/engine/dialect.fixture.ts";
import { sparkDialect } from "../../src/engine/dialect.ts";
import { besidePeers, mustRun, peerPython } from "./peer.ts";

const cases = DIALECT_CASES.map((given) => ({
  name: given.name,
  sql: statementOf(sparkDialect, given),
  want: given.want,
}));
mustRun(peerPython("spark"), [besidePeers("dialect.py")], JSON.stringify(cases));
