import type { Dataset, Dedupe } from '../contract/dataset.ts';
import type { Dialect } from './dialect.ts';
import type { PlanStep } from './plan.ts';

/**
 * The order of rows that decides who wins (DESIGN section 12): the contract's column, then business date, time received, file id
 * (all three in the text of the file id) and row. Nulls of the contract's column come first.
 */
const orderOf = (dedupe: Dedupe, side: string, sql: Dialect): readonly string[] =>
  dedupe.orderBy === undefined ? [] : [`${side}.${sql.ident(dedupe.orderBy)}`];

/** Rows of the batch that lose to another row of the batch: `batch_losers` (`_id`, `_file`). */
export function batchLosers(dedupe: Dedupe, sql: Dialect): readonly PlanStep[] {
  const keys = dedupe.keys.map(sql.ident);
  const direction = dedupe.keep === 'last' ? 'DESC NULLS LAST' : 'ASC NULLS FIRST';
  const order = [...orderOf(dedupe, 's', sql), 's._id'].map((column) => `${column} ${direction}`).join(', ');
  return [
    repeated('key_candidates', keys, sql),
    {
      name: 'batch_losers',
      purpose: 'rows that lose to another row of the batch with the same key',
      sql:
        `SELECT _id, _file FROM (SELECT s._id, s._file, row_number() OVER (PARTITION BY ${keys.map((key) => `s.${key}`).join(', ')} ORDER BY ${order}) AS place ` +
        `FROM staged AS s WHERE s._ok AND ${present(keys, 's')} AND ${sql.hash(keys.map((key) => `s.${key}`))} IN (SELECT h FROM key_candidates)) AS ranked WHERE place > 1`,
    },
  ];
}

/** Keys that may occur more than once, by a short hash: a small set that spares the window function all other rows. */
const repeated = (name: string, keys: readonly string[], sql: Dialect): PlanStep => ({
  name,
  purpose: 'hashes of keys that may repeat',
  sql: `SELECT ${sql.hash(keys)} AS h FROM staged WHERE _ok GROUP BY 1 HAVING count(*) > 1`,
});

const present = (keys: readonly string[], side: string): string =>
  keys.map((key) => `${side}.${key} IS NOT NULL`).join(' AND ');

/**
 * Against the table, by the same order. `table_losers` (`_id`, `_file`): rows of the batch that lose to the table; `replaced`
 * (`_path`, `_position`): rows of the table that lose to the batch.
 */
export function againstTable(dedupe: Dedupe, sql: Dialect): readonly PlanStep[] {
  const keys = dedupe.keys.map(sql.ident);
  const same = keys.map((key) => `s.${key} = t.${key}`).join(' AND ');
  return [
    {
      name: 'matches',
      purpose: 'rows of the batch and of the table with the same key, and which of them wins',
      sql:
        `SELECT s._id, s._file, t._path, t._position, (${batchWins(dedupe, sql)}) AS batch_wins ` +
        `FROM staged AS s JOIN files AS f ON f._file = s._file JOIN target AS t ON ${same} ` +
        `WHERE s._ok AND NOT EXISTS (SELECT 1 FROM batch_losers AS l WHERE l._id = s._id)`,
    },
    {
      name: 'table_losers',
      purpose: 'rows of the batch that lose to a row of the table',
      sql: 'SELECT DISTINCT _id, _file FROM matches WHERE NOT batch_wins',
    },
    {
      name: 'replaced',
      purpose: 'rows of the table that lose to a row of the batch',
      sql: 'SELECT DISTINCT _path, _position FROM matches WHERE batch_wins',
    },
  ];
}

function batchWins(dedupe: Dedupe, sql: Dialect): string {
  const beats = dedupe.keep === 'last' ? '>' : '<';
  const pairs: readonly (readonly [string, string])[] = [
    ...(dedupe.orderBy === undefined
      ? []
      : ([[`s.${sql.ident(dedupe.orderBy)}`, `t.${sql.ident(dedupe.orderBy)}`]] as const)),
    ['f.file_id', 't._source_file'],
    ['s._row', 't._source_row'],
  ];
  return pairs.reduceRight((rest, [batch, table]) => {
    const [first, second] = beats === '>' ? [batch, table] : [table, batch];
    const nullsFirst = `(${first} IS NOT NULL AND ${second} IS NULL)`;
    const equal = `(${batch} = ${table} OR (${batch} IS NULL AND ${table} IS NULL))`;
    return `COALESCE(${first} > ${second}, ${nullsFirst}) OR (${equal} AND (${rest}))`;
  }, 'FALSE');
}

/**
 * replacePartitions and replace: the newest file of each partition wins, whether it stands in the batch or in the table, so that the
 * outcome does not depend on how files fall into batches. `superseded` (`_id`, `_file`) and `replaced_files` (`path`).
 */
export function newestFilePerPartition(partitions: readonly string[], sql: Dialect): readonly PlanStep[] {
  const names = partitions.map((_, index) => `p${index}`);
  const values = partitions.map(
    (expression, index) => `CAST(${expression} AS ${sql.type({ kind: 'text' })}) AS p${index}`,
  );
  const list = (items: readonly string[]) => items.map((item) => `${item}, `).join('');
  const same = (left: string, right: string) =>
    names
      .map(
        (name) =>
          ` AND (${left}.${name} = ${right}.${name} OR (${left}.${name} IS NULL AND ${right}.${name} IS NULL))`,
      )
      .join('');
  return [
    {
      name: 'batch_partitions',
      purpose: 'newest file of the batch in each partition it touches',
      sql:
        `SELECT ${list(names)}max(f.file_id) AS newest FROM (SELECT ${list(values)}_file FROM staged WHERE _ok) AS s ` +
        `JOIN files AS f ON f._file = s._file${names.length === 0 ? '' : ` GROUP BY ${names.join(', ')}`}`,
    },
    {
      name: 'table_partitions',
      purpose: 'newest file of the table in each of these partitions',
      sql:
        `SELECT ${list(names.map((name) => `b.${name}`))}max(b.newest) AS batch_newest, max(t.newest) AS table_newest FROM batch_partitions AS b ` +
        `LEFT JOIN target_files AS t ON TRUE${same('b', 't')}${names.length === 0 ? '' : ` GROUP BY ${names.map((name) => `b.${name}`).join(', ')}`}`,
    },
    {
      name: 'superseded',
      purpose: 'rows of files that are older than the newest one of their partition',
      sql:
        `SELECT s._id, s._file FROM (SELECT ${list(values)}_id, _file FROM staged WHERE _ok) AS s JOIN files AS f ON f._file = s._file ` +
        `JOIN table_partitions AS b ON TRUE${same('s', 'b')} WHERE f.file_id < b.batch_newest OR f.file_id < b.table_newest`,
    },
    {
      name: 'replaced_files',
      purpose: 'files of the table that the batch replaces',
      sql:
        `SELECT DISTINCT t.path FROM target_files AS t JOIN table_partitions AS b ON TRUE${same('t', 'b')} ` +
        'WHERE b.batch_newest IS NOT NULL AND t.newest < b.batch_newest',
    },
  ];
}

/** Rows that repeat a value that must be unique, in the batch or against the table: `violations` (`_id`, `_file`, `number`). */
export function uniqueViolations(
  dataset: Dataset,
  sets: readonly { readonly columns: readonly string[]; readonly number: number }[],
  hasTarget: boolean,
  sql: Dialect,
): readonly PlanStep[] {
  const { dedupe } = dataset;
  const survivors =
    dedupe === undefined ? '' : ' AND NOT EXISTS (SELECT 1 FROM batch_losers AS l WHERE l._id = s._id)';
  const steps = sets.map(({ columns }, index) =>
    repeated(`unique_candidates_${index}`, columns.map(sql.ident), sql),
  );
  const selects = sets.flatMap(({ columns, number }, index) => {
    const keys = columns.map(sql.ident);
    const inBatch =
      `SELECT _id, _file, ${number} AS number FROM (SELECT s._id, s._file, row_number() OVER (PARTITION BY ${keys.map((key) => `s.${key}`).join(', ')} ORDER BY s._id) AS place ` +
      `FROM staged AS s WHERE s._ok AND ${present(keys, 's')} AND ${sql.hash(keys.map((key) => `s.${key}`))} IN (SELECT h FROM unique_candidates_${index})${survivors}) AS ranked WHERE place > 1`;
    const same = keys.map((key) => `s.${key} = t.${key}`).join(' AND ');
    const replacedKey =
      dedupe === undefined
        ? ''
        : ` AND NOT (${dedupe.keys.map((key) => `s.${sql.ident(key)} = t.${sql.ident(key)}`).join(' AND ')})`;
    const inTable = `SELECT s._id, s._file, ${number} AS number FROM staged AS s JOIN target AS t ON ${same}${replacedKey} WHERE s._ok${survivors}`;
    return hasTarget ? [inBatch, inTable] : [inBatch];
  });
  return [
    ...steps,
    {
      name: 'violations',
      purpose: 'rows that repeat a value that must be unique',
      sql: `SELECT DISTINCT _id, _file, number FROM (${selects.join(' UNION ALL ')}) AS all_violations`,
    },
  ];
}
