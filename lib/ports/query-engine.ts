export interface QueryResult {
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  /** Values as text in the engine's own notation, null where null. */
  readonly rows: readonly (readonly (string | null)[])[];
  /** What the engine read for it and charges by, where it charges. */
  readonly bytesScanned?: number;
}

/** Answers SQL in Athena's dialect over the current snapshots of all tables, the marts, and the `headgate` database. */
export interface QueryEngine {
  query(sql: string): Promise<QueryResult>;
}
