import { join } from 'node:path';
import { duckDb, fileList } from '../../plan/dialects/duckdb.ts';
import {
  collectRejects,
  groups,
  hasTrailer,
  type ReadableInput,
  type Reject,
  records,
  shifted,
  sideTables,
  stagedColumns,
} from '../../plan/parsing.ts';
import type { Plan } from '../../plan/plan.ts';
import type { Session } from './duckdb-session.ts';

const { ident, literal } = duckDb;

/**
 * Parses every file once, into one Parquet file per group of files with the same shape, in the order of files and records: so a
 * row's place in it gives its number, and memory stays flat. Makes the relations `staged`, `rejects` and `files`.
 */
export async function stage(
  db: Session,
  plan: Plan,
  inputs: readonly ReadableInput[],
  options: StageOptions,
): Promise<void> {
  for (const statement of sideTables(plan.inputs, inputs, options.known)) await db.run(statement);
  const columns = stagedColumns(plan);
  const views: string[] = [];
  for (const [index, group] of groups(inputs).entries()) {
    const path = join(options.scratch, `stage-${index}.parquet`);
    const rejects = `rejects_${index}`;
    await writeStage(db, `WITH records AS (${records(group, columns, rejects)}) ${plan.stage}`, path);
    const collect = collectRejects(group, rejects);
    if (collect !== undefined) await db.run(collect);
    views.push(await numbered(db, path, group, join(options.scratch, `rows-${index}.parquet`)));
  }
  await db.run(`CREATE VIEW staged AS ${views.join(' UNION ALL ')}`);
}

export interface StageOptions {
  readonly scratch: string;
  /** Records that `lib/formats` refused while it rewrote a file. */
  readonly known: readonly Reject[];
}

/** Uncompressed and without dictionaries: measured as the cheapest way to keep rows in order outside memory. */
const writeStage = (db: Session, select: string, path: string): Promise<void> =>
  db.run(
    `COPY (${select}) TO ${literal(path)} (FORMAT parquet, COMPRESSION uncompressed, PARQUET_VERSION V2, DICTIONARY_SIZE_LIMIT 1)`,
  );

/** Select of staged rows with `_row` and `_id`. Where records were rejected the rows after them move on by one each. */
async function numbered(
  db: Session,
  path: string,
  group: readonly ReadableInput[],
  target: string,
): Promise<string> {
  const names = await columnsOf(db, path);
  const places = names.map((_, index) => `c${index}`);
  // By position: a column of the contract may be called `file_row_number`.
  const from = `read_parquet(${fileList([path])}, hive_partitioning = false) AS s(${places.join(', ')})`;
  const file = `c${names.indexOf('_file')}`;
  const spans = `(SELECT ${file} AS f, min(file_row_number) AS first FROM ${from} GROUP BY ${file})`;
  const single = group.length === 1;
  const ordinal = single ? 's.file_row_number + 1' : 's.file_row_number - spans.first + 1';
  const named = names.map((name, index) => `s.c${index} AS ${ident(name)}`);
  const rows = `SELECT ${named.join(', ')}, ${ordinal} AS _row FROM ${from}${single ? '' : ` JOIN ${spans} AS spans ON spans.f = s.${file}`}`;
  const members = group.map(({ file }) => file).join(', ');
  const [{ shifts } = { shifts: '0' }] = await db.rows<{ shifts: string }>(
    `SELECT count(*) AS shifts FROM rejects WHERE _file IN (${members})`,
  );
  if (shifts !== '0') await writeStage(db, shifted(rows), target);
  const source =
    shifts === '0' ? `(${rows}) AS n` : `read_parquet(${fileList([target])}, hive_partitioning = false)`;
  return `SELECT *, (CAST(_file AS BIGINT) << 40) + _row AS _id FROM ${source}${withoutTrailers(group)}`;
}

async function columnsOf(db: Session, path: string): Promise<readonly string[]> {
  const rows = await db.rows<{ column_name: string }>(
    `DESCRIBE SELECT * FROM read_parquet(${fileList([path])}, hive_partitioning = false)`,
  );
  return rows.map((row) => row.column_name);
}

const withoutTrailers = (group: readonly ReadableInput[]): string => {
  const conditions = group.flatMap(({ input, file }) =>
    hasTrailer(input) ? [`NOT (_file = ${file} AND _row > ${input.records})`] : [],
  );
  return conditions.length === 0 ? '' : ` WHERE ${conditions.join(' AND ')}`;
};
