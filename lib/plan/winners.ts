import type { Dedupe } from '../contract/dataset.ts';
import type { Dialect } from './dialect.ts';
import type { Plan, PlanStep } from './plan.ts';

/** Rows compete within a file where a newer file replaces whole partitions of an older one, else within batch and table. */
export type Field = 'file' | 'table';

const candidates = (field: Field): string =>
  field === 'file' ? 's._ok AND s._id NOT IN (SELECT _id FROM superseded)' : 's._ok';

const groupOf = (keys: readonly string[], field: Field): string =>
  [...(field === 'file' ? ['s._file'] : []), ...keys.map((key) => `s.${key}`)].join(', ');

const same = (keys: readonly string[]): string =>
  keys.map((key) => `s.${key} IS NOT DISTINCT FROM t.${key}`).join(' AND ');

/**
 * Rows of the batch that lose to another row of the batch: `batch_losers` (`_id`, `_file`, `_winner`, the file that wins). The order is
 * that of DESIGN section 12: the contract's column (nulls lose), then business date, time received, file id (all three in the text of
 * the file id) and row.
 */
export function batchLosers(
  { keys: names, keep, orderBy }: Dedupe,
  field: Field,
  sql: Dialect,
): readonly PlanStep[] {
  const keys = names.map(sql.ident);
  const direction = keep === 'last' ? 'DESC NULLS LAST' : 'ASC NULLS FIRST';
  const order = [...(orderBy === undefined ? [] : [`s.${sql.ident(orderBy)}`]), 's._id']
    .map((column) => `${column} ${direction}`)
    .join(', ');
  return [
    repeated('key_candidates', keys, sql),
    {
      name: 'batch_losers',
      purpose: 'rows that lose to another row of the batch with the same key',
      sql:
        `SELECT _id, _file, _winner FROM (SELECT s._id, s._file, row_number() OVER w AS place, first_value(s._file) OVER w AS _winner ` +
        `FROM staged AS s WHERE ${candidates(field)} AND ${sql.hash(keys.map((key) => `s.${key}`))} IN (SELECT h FROM key_candidates) ` +
        `WINDOW w AS (PARTITION BY ${groupOf(keys, field)} ORDER BY ${order})) AS ranked WHERE place > 1`,
    },
  ];
}

/** Keys that may occur more than once, by a short hash: a small set that spares the window function all other rows. */
const repeated = (name: string, keys: readonly string[], sql: Dialect): PlanStep => ({
  name,
  purpose: 'hashes of keys that may repeat',
  sql: `SELECT ${sql.hash(keys)} AS h FROM staged WHERE _ok GROUP BY 1 HAVING count(*) > 1`,
});

/**
 * Against the table, by the same order. `table_losers` (`_id`, `_file`): rows of the batch that lose to the table; `replaced`
 * (`_path`, `_position`): rows of the table that lose to the batch.
 */
export function againstTable(dedupe: Dedupe, sql: Dialect): readonly PlanStep[] {
  return [
    {
      name: 'matches',
      purpose: 'rows of the batch and of the table with the same key, and which of them wins',
      sql:
        `SELECT s._id, s._file, t._path, t._position, t._source_file, (${batchWins(dedupe, sql)}) AS batch_wins ` +
        `FROM staged AS s JOIN files AS f ON f._file = s._file JOIN target AS t ON ${same(dedupe.keys.map(sql.ident))} ` +
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
    const equal = `${batch} IS NOT DISTINCT FROM ${table}`;
    return `COALESCE(${first} > ${second}, ${nullsFirst}) OR (${equal} AND (${rest}))`;
  }, 'FALSE');
}

/**
 * replacePartitions and replace: the newest file of each partition wins, whether it stands in the batch or in the table, so that the
 * outcome does not depend on how files fall into batches. `superseded` (`_id`, `_file`, `_winner`, the newest file's id) and
 * `replaced_files` (`path`, `winner`, `loser`: file ids). `ages` names, for members of file sets, the file whose id stands for all of the set: a
 * set wins or loses as a whole. Without partitions a file without rows wins, too: it says that nothing is there any more.
 */
export function newestFilePerPartition(
  partitions: readonly string[],
  ages: ReadonlyMap<string, string>,
  sql: Dialect,
): readonly PlanStep[] {
  const age = ages.size === 0 ? 'f.file_id' : 'f.age';
  const files = ages.size === 0 ? 'files' : 'aged_files';
  const names = partitions.map((_, index) => `p${index}`);
  const values = partitions.map(
    (expression, index) => `CAST(${expression} AS ${sql.type({ kind: 'text' })}) AS p${index}`,
  );
  const list = (items: readonly string[]) => items.map((item) => `${item}, `).join('');
  const equal = (left: string, right: string) =>
    names.map((name) => ` AND ${left}.${name} IS NOT DISTINCT FROM ${right}.${name}`).join('');
  return [
    ...(ages.size === 0 ? [] : [agedFiles(ages, sql)]),
    {
      name: 'batch_partitions',
      purpose: 'newest file of the batch in each partition it touches',
      sql:
        names.length === 0
          ? `SELECT max(${age}) AS newest FROM ${files} AS f`
          : `SELECT ${list(names)}max(${age}) AS newest FROM (SELECT ${list(values)}_file FROM staged WHERE _ok) AS s ` +
            `JOIN ${files} AS f ON f._file = s._file GROUP BY ${names.join(', ')}`,
    },
    {
      name: 'table_partitions',
      purpose: 'newest file of the table in each of these partitions',
      sql:
        `SELECT ${list(names.map((name) => `b.${name}`))}max(b.newest) AS batch_newest, greatest(max(b.newest), COALESCE(max(t.newest), '')) AS newest FROM batch_partitions AS b ` +
        `LEFT JOIN target_files AS t ON TRUE${equal('b', 't')}${names.length === 0 ? '' : ` GROUP BY ${names.map((name) => `b.${name}`).join(', ')}`}`,
    },
    {
      name: 'superseded',
      purpose: 'rows of files that are older than the newest one of their partition',
      sql:
        `SELECT s._id, s._file, b.newest AS _winner FROM (SELECT ${list(values)}_id, _file FROM staged WHERE _ok) AS s JOIN ${files} AS f ON f._file = s._file ` +
        `JOIN table_partitions AS b ON TRUE${equal('s', 'b')} WHERE ${age} < b.newest`,
    },
    {
      name: 'replaced_files',
      purpose: 'files of the table that the batch replaces',
      sql:
        `SELECT DISTINCT t.path, b.batch_newest AS winner, t.newest AS loser FROM target_files AS t JOIN table_partitions AS b ON TRUE${equal('t', 'b')} ` +
        'WHERE t.newest < b.batch_newest',
    },
  ];
}

/** `aged_files` (`_file`, `age`). */
const agedFiles = (ages: ReadonlyMap<string, string>, sql: Dialect): PlanStep => {
  const rows = [...ages].map(([file, age]) => `(${sql.literal(file)}, ${sql.literal(age)})`);
  return {
    name: 'aged_files',
    purpose: 'files of the batch with the id that says how new they are: members of a set have the same',
    sql: `SELECT f._file, COALESCE(v.age, f.file_id) AS age FROM files AS f LEFT JOIN (VALUES ${rows.join(', ')}) AS v(file_id, age) ON v.file_id = f.file_id`,
  };
};

export interface UniqueSet {
  readonly columns: readonly string[];
  /** Of its check. */
  readonly number: number;
}

/**
 * Rows that repeat a value that must be unique, in the batch or against the table: `violations` (`_id`, `_file`, `number`). The
 * first row stays. Datasets with dedupe have none: there the key decides.
 */
export function uniqueViolations(
  sets: readonly UniqueSet[],
  { field, hasTarget }: { readonly field: Field; readonly hasTarget: boolean },
  sql: Dialect,
): readonly PlanStep[] {
  const selects = sets.flatMap(({ columns, number }, index) => {
    const keys = columns.map(sql.ident);
    const present = keys.map((key) => `s.${key} IS NOT NULL`).join(' AND ');
    const inBatch =
      `SELECT _id, _file, ${number} AS number FROM (SELECT s._id, s._file, row_number() OVER (PARTITION BY ${groupOf(keys, field)} ORDER BY s._id) AS place ` +
      `FROM staged AS s WHERE ${candidates(field)} AND ${present} AND ${sql.hash(keys.map((key) => `s.${key}`))} IN (SELECT h FROM unique_candidates_${index})) AS ranked WHERE place > 1`;
    const inTable = `SELECT s._id, s._file, ${number} AS number FROM staged AS s JOIN target AS t ON ${keys.map((key) => `s.${key} = t.${key}`).join(' AND ')} WHERE s._ok`;
    return field === 'table' && hasTarget ? [inBatch, inTable] : [inBatch];
  });
  return [
    ...sets.map(({ columns }, index) => repeated(`unique_candidates_${index}`, columns.map(sql.ident), sql)),
    {
      name: 'violations',
      purpose: 'rows that repeat a value that must be unique',
      sql: `SELECT DISTINCT _id, _file, number FROM (${selects.join(' UNION ALL ')}) AS all_violations`,
    },
  ];
}

/**
 * `Plan.losses`: whose rows keep whose rows out of the table. A replay of the winner has to take the losers with it, or the rows that
 * had lost to it would never come back (DESIGN section 12).
 */
export function lossesOf(steps: readonly PlanStep[]): Pick<Plan, 'losses'> {
  const has = (name: string) => steps.some((step) => step.name === name);
  const selects = [
    ...(has('batch_losers')
      ? [
          'SELECT w.file_id AS winner, l.file_id AS loser FROM batch_losers AS b JOIN files AS w ON w._file = b._winner JOIN files AS l ON l._file = b._file',
        ]
      : []),
    ...(has('matches')
      ? [
          'SELECT CASE WHEN m.batch_wins THEN f.file_id ELSE m._source_file END AS winner, CASE WHEN m.batch_wins THEN m._source_file ELSE f.file_id END AS loser FROM matches AS m JOIN files AS f ON f._file = m._file',
        ]
      : []),
    ...(has('rivals') ? ['SELECT _rival AS winner, _source_file AS loser FROM rivals'] : []),
    ...(has('superseded')
      ? [
          'SELECT s._winner AS winner, f.file_id AS loser FROM superseded AS s JOIN files AS f ON f._file = s._file',
          'SELECT winner, loser FROM replaced_files',
        ]
      : []),
  ];
  if (selects.length === 0) return {};
  return {
    losses: `SELECT DISTINCT winner, loser FROM (${selects.join(' UNION ALL ')}) AS every_loss WHERE winner <> loser`,
  };
}
