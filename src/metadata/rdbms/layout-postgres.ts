const NODE_TABLES = ["Artifact", "Execution", "Context"] as const;

/** Columns of a node table beside those that all three have. */
const OWN_COLUMNS = {
  Artifact: "uri TEXT, state INT, name VARCHAR(255),",
  Execution: "last_known_state INT, name VARCHAR(255),",
  Context: "name VARCHAR(255) NOT NULL,",
};
const NAME_KEYS = {
  Artifact: "CONSTRAINT UniqueArtifactTypeName UNIQUE (type_id, name)",
  Execution: "CONSTRAINT UniqueExecutionTypeName UNIQUE (type_id, name)",
  Context: "UNIQUE (type_id, name)",
};

/**
 * The statements that make layout version 10 in PostgreSQL, as ml-metadata 1.17.1 does; names are not
 * quoted, and so lower case there. One column is wider: int_value has 64 bits, not 32, which the library
 * reads just as well.
 */
export const postgresLayout: readonly string[] = [
  `CREATE TABLE Type (
    id SERIAL PRIMARY KEY,
    name VARCHAR(255) NOT NULL,
    version VARCHAR(255),
    type_kind SMALLINT NOT NULL,
    description TEXT,
    input_type TEXT,
    output_type TEXT,
    external_id VARCHAR(255) UNIQUE
  )`,
  `CREATE TABLE TypeProperty (
    type_id INT NOT NULL,
    name VARCHAR(255) NOT NULL,
    data_type INT NULL,
    PRIMARY KEY (type_id, name)
  )`,
  `CREATE TABLE ParentType (
    type_id INT NOT NULL,
    parent_type_id INT NOT NULL,
    PRIMARY KEY (type_id, parent_type_id)
  )`,
  ...NODE_TABLES.flatMap((table) => [
    `CREATE TABLE ${table} (
      id SERIAL PRIMARY KEY,
      type_id INT NOT NULL,
      ${OWN_COLUMNS[table]}
      external_id VARCHAR(255) UNIQUE,
      create_time_since_epoch BIGINT NOT NULL DEFAULT 0,
      last_update_time_since_epoch BIGINT NOT NULL DEFAULT 0,
      ${NAME_KEYS[table]}
    )`,
    `CREATE TABLE ${table}Property (
      ${table.toLowerCase()}_id INT NOT NULL,
      name VARCHAR(255) NOT NULL,
      is_custom_property BOOLEAN NOT NULL,
      int_value BIGINT,
      double_value DOUBLE PRECISION,
      string_value TEXT,
      byte_value BYTEA,
      proto_value BYTEA,
      bool_value BOOLEAN,
      PRIMARY KEY (${table.toLowerCase()}_id, name, is_custom_property)
    )`,
  ]),
  `CREATE TABLE Event (
    id SERIAL PRIMARY KEY,
    artifact_id INT NOT NULL,
    execution_id INT NOT NULL,
    type INT NOT NULL,
    milliseconds_since_epoch BIGINT,
    CONSTRAINT UniqueEvent UNIQUE (artifact_id, execution_id, type)
  )`,
  `CREATE TABLE EventPath (
    event_id INT NOT NULL,
    is_index_step BOOLEAN NOT NULL,
    step_index INT,
    step_key TEXT
  )`,
  "CREATE TABLE MLMDEnv (schema_version INT NOT NULL PRIMARY KEY)",
  `CREATE TABLE ParentContext (
    context_id INT NOT NULL,
    parent_context_id INT NOT NULL,
    PRIMARY KEY (context_id, parent_context_id)
  )`,
  `CREATE TABLE Association (
    id SERIAL PRIMARY KEY,
    context_id INT NOT NULL,
    execution_id INT NOT NULL,
    UNIQUE (context_id, execution_id)
  )`,
  `CREATE TABLE Attribution (
    id SERIAL PRIMARY KEY,
    context_id INT NOT NULL,
    artifact_id INT NOT NULL,
    UNIQUE (context_id, artifact_id)
  )`,
  "CREATE INDEX idx_artifact_uri ON Artifact (uri)",
  "CREATE INDEX idx_event_execution_id ON Event (execution_id)",
  "CREATE INDEX idx_eventpath_event_id ON EventPath (event_id)",
  "CREATE INDEX idx_parentcontext_parent_context_id ON ParentContext (parent_context_id)",
  "CREATE INDEX idx_type_name ON Type (name)",
  "CREATE INDEX idx_type_external_id ON Type (external_id)",
  ...NODE_TABLES.flatMap((table) => {
    const name = table.toLowerCase();
    return [
      ...["create_time_since_epoch", "last_update_time_since_epoch", "external_id"].map(
        (column) => `CREATE INDEX idx_${name}_${column} ON ${table} (${column})`,
      ),
      ...["int", "double", "string"].map(
        (value) =>
          `CREATE INDEX idx_${name}_property_${value}
           ON ${table}Property (name, is_custom_property, ${value}_value)`,
      ),
    ];
  }),
];
