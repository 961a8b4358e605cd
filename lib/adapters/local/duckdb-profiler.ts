import type { Dataset } from '../../contract/dataset.ts';
import { rowChecks } from '../../plan/checks.ts';
import { duckDb } from '../../plan/dialects/duckdb.ts';
import { groups, records } from '../../plan/parsing.ts';
import { prepare } from '../../plan/prepare.ts';
import { stageStatement } from '../../plan/stage.ts';
import type { ColumnFacts, Failure, Profiler, SampleTable } from '../../ports/profiler.ts';
import { type ReadOptions, rewriteTo } from './duckdb-engine.ts';
import { type Session, withDuckDb } from './duckdb-session.ts';

const { ident, literal } = duckDb;

/** Rows of which values are handed out, spread over all files. */
const SAMPLE_ROWS = 2_000;
/** Columns with at most so many different values have them listed. */
const FEW_VALUES = 40;
const EXAMPLES = 200;

/** Reads samples with the parser and judges them with the statements of a run, so that what is proposed is what will load. */
export const duckDbProfiler = (options: ReadOptions): Profiler => ({
  withTable: (inputs, columns, work) =>
    withDuckDb({ scratch: options.scratch }, async (db) => {
      const { inputs: readable, rejects } = await prepare(inputs, options.raw, rewriteTo(options.scratch));
      const selects: string[] = [];
      for (const [index, group] of groups(readable).entries())
        selects.push(records(group, columns, `rejects_${index}`));
      await db.run(`CREATE TABLE records AS ${selects.join(' UNION ALL BY NAME ')}`);
      const split = await count(db, 'SELECT count(*) AS n FROM records');
      const read = inputs.reduce((sum, input) => sum + input.records, 0);
      return work(tableOf(db, columns, split, Math.max(read - split, rejects.length)));
    }),
});

const tableOf = (db: Session, columns: readonly string[], split: number, malformed: number): SampleTable => ({
  records: split,
  malformed,
  columns: () => facts(db, columns, split),
  failures: (dataset) => failures(db, dataset),
  repeats: (names) => repeats(db, names.length === 0 ? columns : names),
});

const count = async (db: Session, sql: string): Promise<number> =>
  Number((await db.rows<{ n: string }>(sql))[0]?.n ?? 0);

async function facts(db: Session, columns: readonly string[], rows: number): Promise<readonly ColumnFacts[]> {
  const measures = columns.flatMap((name, index) => {
    const column = ident(name);
    const blank = `starts_with(${column}, ' ')`;
    return [
      `count(*) FILTER (CASE WHEN ${blank} THEN trim(${column}) <> '' ELSE ${column} <> '' END) AS filled_${index}`,
      `count(*) FILTER (${blank} OR ends_with(${column}, ' ')) AS padded_${index}`,
      `approx_count_distinct(${column}) AS distinct_${index}`,
      `coalesce(max(length(${column})), 0) AS longest_${index}`,
    ];
  });
  const [measured = {}] = await db.rows<Record<string, string | null>>(
    `SELECT ${measures.join(', ')} FROM records`,
  );
  const step = Math.max(1, Math.ceil(rows / SAMPLE_ROWS));
  const sample = await db.rows<Record<string, string | null>>(
    `SELECT ${columns.map(ident).join(', ')} FROM records WHERE rowid % ${step} = 0`,
  );
  const found: ColumnFacts[] = [];
  for (const [index, name] of columns.entries()) {
    const number = (what: string) => Number(measured[`${what}_${index}`] ?? 0);
    const spread = sample.map((row) => row[name] ?? '').filter((text) => text.trim() !== '');
    const texts = spread.length > 0 || number('filled') === 0 ? spread : await someOf(db, name);
    const values = number('distinct') <= FEW_VALUES ? { values: await valuesOf(db, name) } : {};
    found.push({
      name,
      filled: number('filled'),
      padded: number('padded'),
      distinct: number('distinct'),
      longest: number('longest'),
      sample: [...new Set(texts)],
      ...values,
    });
  }
  return found;
}

/** Of a column with so few values that the spread sample missed them. */
async function someOf(db: Session, name: string): Promise<readonly string[]> {
  const column = ident(name);
  const rows = await db.rows<{ text: string }>(
    `SELECT ${column} AS text FROM records WHERE trim(${column}) <> '' ORDER BY rowid LIMIT ${EXAMPLES}`,
  );
  return rows.map(({ text }) => text);
}

async function valuesOf(db: Session, name: string): Promise<NonNullable<ColumnFacts['values']>> {
  const column = ident(name);
  const rows = await db.rows<{ text: string; n: string }>(
    `SELECT ${column} AS text, count(*) AS n FROM records WHERE trim(${column}) <> '' GROUP BY 1 ORDER BY n DESC, text`,
  );
  return rows.map(({ text, n }) => ({ text, rows: Number(n) }));
}

async function failures(db: Session, dataset: Dataset): Promise<readonly Failure[]> {
  const checks = rowChecks(dataset, duckDb);
  // Texts as they came, of personal columns too.
  const columns = dataset.columns.map(({ pii, ...column }) => column);
  const judged = stageStatement({ ...dataset, columns, raw: true }, checks, duckDb);
  await db.run(
    `CREATE OR REPLACE TEMP TABLE failed AS SELECT unnest(string_split(_failed, ',')) AS number, CASE WHEN NOT _ok THEN _text END AS _text FROM (${judged}) AS judged WHERE _failed IS NOT NULL`,
  );
  const rows = await db.rows<{ number: string; n: string }>(
    'SELECT number, count(*) AS n FROM failed GROUP BY number ORDER BY number',
  );
  const found: Failure[] = [];
  for (const { number, n } of rows) {
    const { key, column } = checks[Number(number)] ?? { key: '' };
    const at = dataset.columns.findIndex(({ name }) => name === column);
    const text = duckDb.item('_text', at);
    const examples =
      at < 0
        ? []
        : await db.rows<{ text: string }>(
            `SELECT DISTINCT ${text} AS text FROM failed WHERE number = ${literal(number)} AND ${text} IS NOT NULL ORDER BY ALL LIMIT ${EXAMPLES}`,
          );
    found.push({
      check: key,
      ...(column === undefined ? {} : { column }),
      rows: Number(n),
      examples: examples.map((each) => each.text),
    });
  }
  return found;
}

/** By 64 bits of hash: a chance of one in 10 million to see a repeat among a million rows where there is none. */
const repeats = (db: Session, columns: readonly string[]): Promise<number> =>
  count(db, `SELECT count(*) - count(DISTINCT hash(${columns.map(ident).join(', ')})) AS n FROM records`);
