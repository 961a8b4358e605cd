export interface QueryResult {
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  /** Values as text in the engine's own notation, null where null. */
  readonly rows: readonly (readonly (string | null)[])[];
  /** What the engine read for it and charges by, where it charges. */
  readonly bytesScanned?: number;
}

export interface QueryOptions {
  /** @default QUERY_LIMITS.seconds */
  readonly seconds?: number;
  readonly signal?: AbortSignal;
}

/** Answers SQL in Athena's dialect over the current snapshots of all tables, the marts, and the `headgate` database. */
export interface QueryEngine {
  /**
   * @throws LimitError for a statement that takes longer than it may or more of the machine than it may (QUERY_LIMITS); the signal's reason
   * where the one who asks gives up. Either way it is stopped.
   */
  query(sql: string, options?: QueryOptions): Promise<QueryResult>;
}
