export interface TableName {
  readonly database: string;
  readonly name: string;
}

export interface TablePointer {
  /** Address of the current Iceberg metadata file. */
  readonly metadataLocation: string;
  /** Grows or changes at every swap (Glue `VersionId`). */
  readonly version: string;
}

/** Which metadata file is the current one of each table. */
export interface Catalog {
  load(table: TableName): Promise<TablePointer | undefined>;
  create(table: TableName, metadataLocation: string): Promise<'created' | 'exists'>;
  /** Replaces the pointer only if it is still `expected`. */
  swap(table: TableName, expected: TablePointer, metadataLocation: string): Promise<'swapped' | 'conflict'>;
  list(): Promise<readonly TableName[]>;
}
