/** Value of one partition field: text in the engine's ISO notation (date `2011-01-31`, month as ordinal since 1970-01), or null. */
export type PartitionValue = string | null;

/** Statistics of one column in one file; bounds are texts as the engine prints them, left out where unknown or classified. */
export interface ColumnStats {
  readonly bytes?: number;
  readonly values: number;
  readonly nulls: number;
  readonly hasNan?: boolean;
  readonly lower?: string;
  readonly upper?: string;
}

/** One Parquet file that an engine wrote and a commit makes visible. Plain JSON: it travels in a run's result document. */
export interface DataFile {
  /** Full address, `<store root>/<key>`. */
  readonly path: string;
  readonly rows: number;
  readonly bytes: number;
  /** One value per field of the table's partition spec, in its order. */
  readonly partition: readonly PartitionValue[];
  /** By field id of the table schema. */
  readonly columns: Readonly<Record<string, ColumnStats>>;
}
