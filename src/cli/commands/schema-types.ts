import { wrongUse } from "../arguments.ts";
import { defineCommand } from "../command.ts";

const TARGETS = ["typescript", "json-schema", "sql"] as const;

/** `waybill schema types SCHEMA`: the schema in another language. */
export const command = defineCommand({
  name: "schema types",
  summary: "Generate TypeScript types, a JSON Schema or a CREATE TABLE from a schema",
  arguments: { schema: { summary: "A schema file, or NAME or NAME@N of a published one" } },
  options: {
    to: { type: "string", choices: TARGETS, default: "typescript", summary: "What to generate" },
    name: {
      type: "string",
      value: "NAME",
      default: "Example",
      summary: "The interface's, schema's or table's name",
    },
    environment: { type: "string", value: "NAME", summary: "Only what belongs to it" },
    integers: {
      type: "string",
      choices: ["number", "bigint"],
      default: "number",
      summary: "What integers become in TypeScript",
    },
    database: {
      type: "string",
      choices: ["duckdb", "postgres", "spark"],
      default: "duckdb",
      summary: "Whose SQL",
    },
    output: { type: "string", short: "o", value: "FILE", summary: "Write it there" },
  },
  examples: [
    { line: "schema types schema.pbtxt --name Trip -o trip.ts", does: "an interface" },
    { line: "schema types schema.pbtxt --to json-schema", does: "a JSON Schema" },
    {
      line: "schema types schema.pbtxt --to sql --name trips --database postgres",
      does: "a table",
    },
  ],
  run: async ({ arguments: { schema: reference }, options, session }) => {
    const { generateJsonSchema, generateSql, generateTypeScript } = await import(
      "../../schema/index.ts"
    );
    const { openSchema } = await import("../schemas.ts");
    const schema = await openSchema(session, reference);
    const { to, name, environment, output } = options;
    const integers = options.integers === "bigint" ? "bigint" : "number";
    const database = options.database;
    const target = database === "postgres" || database === "spark" ? database : "duckdb";
    const generate: Readonly<Record<string, () => string>> = {
      typescript: () => generateTypeScript(schema, { name, environment, integers }),
      "json-schema": () =>
        `${JSON.stringify(generateJsonSchema(schema, { title: name, environment }), null, 2)}\n`,
      sql: () => generateSql(schema, { table: name, target, environment }),
    };
    const text = generate[to]?.();
    if (text === undefined) throw wrongUse("schema types", `Nothing is generated for "${to}".`);
    if (output === undefined) return { text, json: { to, text } };
    const { writeFileAtomically } = await import("../../foundation/index.ts");
    await writeFileAtomically(output, text);
    return { json: { to, path: output }, note: `Wrote ${output}.` };
  },
});
