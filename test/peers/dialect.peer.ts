// Evaluates every expression of the Spark dialect on Spark itself, with the values DuckDB must give too.
import { DIALECT_CASES, type DialectCase, statementOf } from "../../src/engine/dialect.fixture.ts";
import { sparkDialect } from "../../src/engine/dialect.ts";
import { besidePeers, mustRun, peerPython } from "./peer.ts";

const cases = DIALECT_CASES.map((given) => ({
  name: given.name,
  sql: statementOf(sparkDialect, given),
  want: transportable(given.want),
}));
mustRun(peerPython("spark"), [besidePeers("dialect.py")], JSON.stringify(cases));

/** JSON has no infinities: they travel as `{"double": "Infinity"}`. */
function transportable(want: DialectCase["want"]): unknown {
  if (typeof want !== "number" || Number.isFinite(want)) return want;
  return { double: String(want) };
}
