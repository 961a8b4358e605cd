import type { Dataset } from '../contract/dataset.ts';
import { TerminalError } from '../errors.ts';
import type { Dialect } from './dialect.ts';
import { duckDb } from './dialects/duckdb.ts';
import { spark } from './dialects/spark.ts';

export interface EnginePolicy {
  /** Whatever the contracts say. */
  readonly force?: Dialect['name'];
  /** Bytes of input and of table files to read, from which `auto` takes Spark. */
  readonly sparkFromBytes: number;
}

/** Until a threshold is measured none is guessed: only a contract or a person who says so gets Spark. */
export const DUCKDB_UNLESS_ASKED: EnginePolicy = { sparkFromBytes: Number.POSITIVE_INFINITY };

/** The engine of a run: what is forced, else what the contract says, else by bytes. A contract whose queries only DuckDB understands stays with it under `auto`. */
export function engineFor(dataset: Dataset, bytes: number, { force, sparkFromBytes }: EnginePolicy): Dialect {
  const asked = force ?? dataset.engine;
  if (asked !== 'auto') return DIALECTS[asked];
  return bytes >= sparkFromBytes && isPortable(dataset) ? spark : duckDb;
}

const DIALECTS: Readonly<Record<Dialect['name'], Dialect>> = { duckdb: duckDb, spark };

function isPortable({ batchChecks }: Dataset): boolean {
  try {
    for (const { measure } of batchChecks)
      if (measure.kind === 'sql') spark.query(measure.query.replaceAll(/[${}]/g, ''));
    return true;
  } catch (error) {
    if (error instanceof TerminalError) return false;
    throw error;
  }
}
