const NODE_TABLES = ["Artifact", "Execution", "Context"] as const;

/** Columns of a node table beside those that all three have. */
const OWN_COLUMNS = {
  Artifact: "uri TEXT, state INT, name VARCHAR(255),",
  Execution: "last_known_state INT, name VARCHAR(255),",
  Context: "name VARCHAR(255) NOT NULL,",
};
const OWN_KEYS = {
  Artifact:
    "CONSTRAINT UniqueArtifactTypeName UNIQUE (type_id, name), INDEX idx_artifact_uri (uri(255)),",
  Execution: "CONSTRAINT UniqueExecutionTypeName UNIQUE (type_id, name),",
  Context: "UNIQUE (type_id, name),",
};

/**
 * The statements that make layout version 10 in MySQL, as ml-metadata 1.17.1 does, each of which does
 * nothing where it was done before: definitions are no part of a transaction there. One column is wider:
 * int_value has 64 bits, not 32, which the library reads just as well.
 */
export const mysqlLayout: readonly string[] = [
  `CREATE TABLE IF NOT EXISTS Type (
    id INT NOT NULL PRIMARY KEY AUTO_INCREMENT,
    name VARCHAR(255) NOT NULL,
    version VARCHAR(255),
    type_kind TINYINT(1) NOT NULL,
    description TEXT,
    input_type TEXT,
    output_type TEXT,
    external_id VARCHAR(255) UNIQUE,
    INDEX idx_type_name (name),
    INDEX idx_type_external_id (external_id)
  )`,
  `CREATE TABLE IF NOT EXISTS TypeProperty (
    type_id INT NOT NULL,
    name VARCHAR(255) NOT NULL,
    data_type INT NULL,
    PRIMARY KEY (type_id, name)
  )`,
  `CREATE TABLE IF NOT EXISTS ParentType (
    type_id INT NOT NULL,
    parent_type_id INT NOT NULL,
    PRIMARY KEY (type_id, parent_type_id)
  )`,
  ...NODE_TABLES.flatMap((table) => {
    const name = table.toLowerCase();
    return [
      `CREATE TABLE IF NOT EXISTS ${table} (
        id INT NOT NULL PRIMARY KEY AUTO_INCREMENT,
        type_id INT NOT NULL,
        ${OWN_COLUMNS[table]}
        external_id VARCHAR(255) UNIQUE,
        create_time_since_epoch BIGINT NOT NULL DEFAULT 0,
        last_update_time_since_epoch BIGINT NOT NULL DEFAULT 0,
        ${OWN_KEYS[table]}
        INDEX idx_${name}_create_time_since_epoch (create_time_since_epoch),
        INDEX idx_${name}_last_update_time_since_epoch (last_update_time_since_epoch),
        INDEX idx_${name}_external_id (external_id)
      )`,
      `CREATE TABLE IF NOT EXISTS ${table}Property (
        ${name}_id INT NOT NULL,
        name VARCHAR(255) NOT NULL,
        is_custom_property TINYINT(1) NOT NULL,
        int_value BIGINT,
        double_value DOUBLE,
        string_value MEDIUMTEXT,
        byte_value MEDIUMBLOB,
        proto_value MEDIUMBLOB,
        bool_value BOOLEAN,
        PRIMARY KEY (${name}_id, name, is_custom_property),
        INDEX idx_${name}_property_int (name, is_custom_property, int_value),
        INDEX idx_${name}_property_double (name, is_custom_property, double_value),
        INDEX idx_${name}_property_string (name, is_custom_property, string_value(255))
      )`,
    ];
  }),
  `CREATE TABLE IF NOT EXISTS Event (
    id INT NOT NULL PRIMARY KEY AUTO_INCREMENT,
    artifact_id INT NOT NULL,
    execution_id INT NOT NULL,
    type INT NOT NULL,
    milliseconds_since_epoch BIGINT,
    CONSTRAINT UniqueEvent UNIQUE (artifact_id, execution_id, type),
    INDEX idx_event_execution_id (execution_id)
  )`,
  `CREATE TABLE IF NOT EXISTS EventPath (
    event_id INT NOT NULL,
    is_index_step TINYINT(1) NOT NULL,
    step_index INT,
    step_key TEXT,
    INDEX idx_eventpath_event_id (event_id)
  )`,
  `CREATE TABLE IF NOT EXISTS ParentContext (
    context_id INT NOT NULL,
    parent_context_id INT NOT NULL,
    PRIMARY KEY (context_id, parent_context_id),
    INDEX idx_parentcontext_parent_context_id (parent_context_id)
  )`,
  `CREATE TABLE IF NOT EXISTS Association (
    id INT NOT NULL PRIMARY KEY AUTO_INCREMENT,
    context_id INT NOT NULL,
    execution_id INT NOT NULL,
    UNIQUE (context_id, execution_id)
  )`,
  `CREATE TABLE IF NOT EXISTS Attribution (
    id INT NOT NULL PRIMARY KEY AUTO_INCREMENT,
    context_id INT NOT NULL,
    artifact_id INT NOT NULL,
    UNIQUE (context_id, artifact_id)
  )`,
  "CREATE TABLE IF NOT EXISTS MLMDEnv (schema_version INT NOT NULL PRIMARY KEY)",
];
