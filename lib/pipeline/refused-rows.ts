import { zstdDecompressSync } from 'node:zlib';
import { parquetReadObjects } from 'hyparquet';
import { asyncBuffer } from '../formats/parquet-profile.ts';
import { randomAccess } from '../intake/judge.ts';
import type { RunEntry } from '../ledger/entries.ts';
import { keyOf } from '../table/table.ts';
import { hasResult, loadDocument } from './documents.ts';
import type { Services } from './services.ts';

/** A row that a check refused: never a value of it. */
export interface RefusedRow {
  readonly fileId: string;
  /** Number of the record in its file, from 1. */
  readonly row: number;
  readonly reasons: readonly RowReason[];
}

export interface RowReason {
  readonly code: string;
  readonly column?: string | null;
  readonly rule?: string | null;
}

export interface RefusedRows {
  readonly total: number;
  /** Some of them, in order of file and row; none where an `expire` has removed what the run wrote. */
  readonly rows: readonly RefusedRow[];
}

/** Rows of one file that are looked at: a file may have millions, and they lie in any order. */
const LOOKED_AT = 10_000;

/** What a run wrote for quarantine, whether it was committed or not. @param limit rows given at most */
export async function refusedRowsOf(
  { stores }: Services,
  { dataset, runId }: Pick<RunEntry, 'dataset' | 'runId'>,
  limit: number,
): Promise<RefusedRows> {
  if (!(await hasResult(stores.results, dataset, runId))) return { total: 0, rows: [] };
  const { tallies, outputs } = await loadDocument(stores.results, dataset, runId, 'result');
  const total = tallies.reduce((sum, { quarantined }) => sum + quarantined, 0);
  const rows: RefusedRow[] = [];
  for (const { path } of outputs.find(({ name }) => name === 'quarantine')?.files ?? []) {
    if (rows.length >= limit) break;
    rows.push(...(await rowsOf(stores.lake, keyOf(stores.lake, path), runId)));
  }
  return { total, rows: rows.sort(inOrder).slice(0, limit) };
}

async function rowsOf(
  lake: Services['stores']['lake'],
  key: string,
  runId: string,
): Promise<readonly RefusedRow[]> {
  const info = await lake.stat(key);
  if (info === undefined) return [];
  const rows = await parquetReadObjects({
    file: asyncBuffer(randomAccess(lake, info)),
    columns: ['_source_file', '_source_row', '_run_id', '_reasons'],
    rowEnd: LOOKED_AT,
    compressors: { ZSTD: (bytes) => zstdDecompressSync(bytes) },
  });
  // A replay writes rows of other files again that stood beside its own.
  return rows
    .filter(({ _run_id }) => _run_id === runId)
    .map(({ _source_file, _source_row, _reasons }) => ({
      fileId: String(_source_file),
      row: Number(_source_row),
      reasons: _reasons as readonly RowReason[],
    }));
}

const inOrder = (a: RefusedRow, b: RefusedRow): number =>
  a.fileId === b.fileId ? a.row - b.row : a.fileId < b.fileId ? -1 : 1;
