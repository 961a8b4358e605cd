import type { TableName } from './catalog.ts';

/** Column as a catalogue shows it to others: `type` in the words of Hive. */
export interface CatalogColumn {
  readonly name: string;
  readonly type: string;
  readonly doc?: string;
}

/** What a governed catalogue knows of a table's columns besides Iceberg's metadata: access is given by their classes. */
export interface ColumnTags {
  /** Makes the columns that the catalogue shows these: only those can have a class. Does nothing where they are. */
  describe(table: TableName, columns: readonly CatalogColumn[]): Promise<void>;
  /** Class of each column that has one of its own, by name. */
  classes(table: TableName): Promise<ReadonlyMap<string, string>>;
  /** Gives columns a class, in the place of any that they have. */
  assign(table: TableName, columns: readonly string[], value: string): Promise<void>;
  /** Takes a class of their own from columns, which then have that of their database. */
  remove(table: TableName, columns: readonly string[], value: string): Promise<void>;
}
