// A program for the tests: inserts rows into the table `t` of a file, each in its own transaction.
import { openSqlite } from "./index.ts";

const [, , file = "", count = "1"] = process.argv;
await using database = await openSqlite(file, { mode: "READWRITE" });
for (let i = 0; i < Number(count); i += 1) {
  await database.write((tx) => tx.run("INSERT INTO t (v) VALUES ('row')"));
}
