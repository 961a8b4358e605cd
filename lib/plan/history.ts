import { datasetId } from '../contract/dataset.ts';
import { TerminalError } from '../errors.ts';
import { isDropped } from '../privacy/protection.ts';
import { freshRows, type HistoryRows, type OutputContext, retired, samePlace } from './outputs.ts';
import type { PlanStep } from './plan.ts';
import { CONFIRMATIONS } from './tables.ts';

export interface History {
  readonly steps: readonly PlanStep[];
  readonly rows: HistoryRows;
}

/**
 * `writeMode: scd2`. The history of a key is a function of all rows received with it, in whatever batches: rows in the order of
 * `dedupe.orderBy`, of several with the same time the one that `keep` says by file and row, and of neighbours with the same content the first. A version
 * in the table therefore names the rows that only confirmed it (`_confirmations`): a late row between them makes versions of them again.
 * Only keys that the batch, or a withdrawn file, touches are looked at; only their rows that change are written again.
 * A key with one row and no past, as nearly all of a first load, needs none of this: it is written as it is.
 * Relations: `touched_keys`, `known` (the table's versions of these keys), `busy_keys` (`h`, hashes of keys with several rows),
 * `observations` (every row received with these), `rivals`, `versions`
 * (`_starts` 1 for the first row of a version, `_version` its number), `confirmations`, `history` (the versions with their ends) and `replaced`.
 */
export function historyOf(context: OutputContext): History {
  const names = namesOf(context);
  const { hasTarget } = names;
  return {
    steps: [
      ...(hasTarget ? [touchedKeys(context, names), known(names)] : []),
      busyKeys(context, names),
      observations(context, names),
      rivals(names),
      versions(names),
      confirmations(context, names),
      history(names),
      ...(hasTarget ? [replaced] : []),
    ],
    rows: {
      rows: writtenRows(context, names),
      kept: '(SELECT * FROM history WHERE _path IS NOT NULL AND _changed) AS h',
      derived: '(SELECT * FROM history WHERE _path IS NULL AND _id IS NULL) AS h',
    },
  };
}

/** Names as this dialect quotes them. */
interface Names {
  readonly hasTarget: boolean;
  readonly withdraws: boolean;
  readonly keys: readonly string[];
  /** Time of a row. */
  readonly time: string;
  /** Columns whose change makes a version. */
  readonly content: readonly string[];
  readonly columns: readonly string[];
  readonly gone: readonly string[];
  readonly direction: 'ASC' | 'DESC';
  readonly from: string;
  readonly to: string;
  readonly current: string;
}

function namesOf(context: OutputContext): Names {
  const { dataset, sql } = context;
  const { dedupe, history } = dataset;
  if (dedupe?.orderBy === undefined || history === undefined)
    throw new TerminalError(`${datasetId(dataset)} has no key or time for a history`, { fault: 'headgate' });
  const columns = dataset.columns.filter((column) => !isDropped(column)).map(({ name }) => name);
  const fixed = [...dedupe.keys, dedupe.orderBy];
  const quoted = (list: readonly string[]) => list.map(sql.ident);
  return {
    hasTarget: context.rewrites,
    withdraws: context.withdraws,
    keys: quoted(dedupe.keys),
    time: sql.ident(dedupe.orderBy),
    content: quoted(columns.filter((name) => !fixed.includes(name))),
    columns: quoted(columns),
    gone: quoted(retired(context, 'curated').map(({ name }) => name)),
    direction: dedupe.keep === 'last' ? 'DESC' : 'ASC',
    from: sql.ident(history.effectiveFrom),
    to: sql.ident(history.effectiveTo),
    current: sql.ident(history.current),
  };
}

const of = (alias: string, columns: readonly string[]): readonly string[] =>
  columns.map((column) => `${alias}.${column}`);

const equal = (left: string, right: string, columns: readonly string[]): string =>
  columns.map((column) => `${left}.${column} = ${right}.${column}`).join(' AND ');

const WITHDRAWN = '(SELECT file_id FROM withdrawn_ids)';

function touchedKeys({ sql }: OutputContext, { keys, withdraws }: Names): PlanStep {
  const selects = [
    `SELECT ${of('s', keys).join(', ')} FROM staged AS s WHERE s._ok`,
    ...(withdraws
      ? [
          `SELECT ${of('t', keys).join(', ')} FROM target AS t WHERE t._source_file IN ${WITHDRAWN}`,
          `SELECT ${of('t', keys).join(', ')} FROM ${sql.explode('target', keys, CONFIRMATIONS)} AS t WHERE t._item._source_file IN ${WITHDRAWN}`,
        ]
      : []),
  ];
  return {
    name: 'touched_keys',
    purpose: 'keys whose history this run may change',
    sql: `SELECT DISTINCT ${keys.join(', ')} FROM (${selects.join(' UNION ALL ')}) AS touched`,
  };
}

const known = ({ keys, columns, gone, to }: Names): PlanStep => ({
  name: 'known',
  purpose: 'versions of these keys in the table',
  sql:
    `SELECT t._path, t._position, ${of('t', [...columns, '_source_file', '_source_row', '_run_id', ...gone]).join(', ')}, t.${to} AS _was_to, t.${CONFIRMATIONS} AS _was_confirmed ` +
    `FROM target AS t JOIN touched_keys AS k ON ${equal('k', 't', keys)}`,
});

const busyKeys = ({ sql }: OutputContext, { keys, hasTarget }: Names): PlanStep => ({
  name: 'busy_keys',
  purpose: 'hashes of keys with more rows than one, in batch and table together',
  sql:
    `SELECT ${sql.hash(keys)} AS h FROM staged WHERE _ok GROUP BY 1 HAVING count(*) > 1` +
    (hasTarget ? ` UNION SELECT ${sql.hash(keys)} AS h FROM known` : ''),
});

/** Rows of the batch as curated shows them, versions of the table, and the rows that confirmed these. */
function observations(context: OutputContext, names: Names): PlanStep {
  const { sql, runId } = context;
  const { hasTarget, withdraws, columns, gone, time } = names;
  const text = `CAST(NULL AS ${sql.type({ kind: 'text' })})`;
  const number = `CAST(NULL AS ${sql.type({ kind: 'integer64' })})`;
  const file = `CAST(NULL AS ${sql.type({ kind: 'integer32' })})`;
  const batch = freshRows('staged', `s._id, s._file, ${text} AS _path, ${number} AS _position, `, context);
  const confirmed = columns.map((column) => (column === time ? 'c._item.effective_from' : `c.${column}`));
  const stands = (source: string) => (withdraws ? ` WHERE ${source} NOT IN ${WITHDRAWN}` : '');
  const selects = [
    `${batch} WHERE s._ok AND ${sql.hash(of('s', names.keys))} IN (SELECT h FROM busy_keys)`,
    ...(hasTarget
      ? [
          `SELECT ${[number, file, ...of('k', ['_path', '_position', ...columns, '_source_file', '_source_row', '_run_id', ...gone])].join(', ')} FROM known AS k${stands('k._source_file')}`,
          `SELECT ${[number, file, text, number, ...confirmed, 'c._item._source_file', 'c._item._source_row', sql.literal(runId), ...of('c', gone)].join(', ')} ` +
            `FROM ${sql.explode('known', [...columns, ...gone], '_was_confirmed')} AS c${stands('c._item._source_file')}`,
        ]
      : []),
  ];
  return {
    name: 'observations',
    stored: true,
    purpose: 'every row received with these keys',
    sql: selects.join(' UNION ALL '),
  };
}

/** Of rows with the same key and time only one stands. */
const rivals = ({ keys, time, direction }: Names): PlanStep => ({
  name: 'rivals',
  purpose: 'rows that lose to another row with the same key and time',
  sql:
    'SELECT _id, _file, _source_file, _source_row, _rival, _rival_id FROM (SELECT *, row_number() OVER w AS _place, first_value(_source_file) OVER w AS _rival, first_value(_id) OVER w AS _rival_id ' +
    `FROM observations WINDOW w AS (PARTITION BY ${[...keys, time].join(', ')} ORDER BY _source_file ${direction}, _source_row ${direction})) AS r WHERE _place > 1`,
});

function versions({ keys, time, content }: Names): PlanStep {
  const by = keys.join(', ');
  const same = [
    'lag(o._source_row) OVER w IS NOT NULL',
    ...content.map((column) => `lag(o.${column}) OVER w IS NOT DISTINCT FROM o.${column}`),
  ];
  return {
    name: 'versions',
    stored: true,
    purpose: 'the others in the order of their time, and which of them begins a version',
    sql:
      `SELECT *, sum(_starts) OVER (PARTITION BY ${by} ORDER BY ${time}) AS _version ` +
      `FROM (SELECT o.*, CASE WHEN ${same.join(' AND ')} THEN 0 ELSE 1 END AS _starts FROM observations AS o ` +
      'WHERE NOT EXISTS (SELECT 1 FROM rivals AS r WHERE r._source_file = o._source_file AND r._source_row = o._source_row) ' +
      `WINDOW w AS (PARTITION BY ${by} ORDER BY ${time})) AS p`,
  };
}

const confirmations = ({ sql }: OutputContext, { keys, time }: Names): PlanStep => {
  const item = sql.struct({ effective_from: time, _source_file: '_source_file', _source_row: '_source_row' });
  return {
    name: 'confirmations',
    purpose: 'rows that say the same as the version before',
    sql: `SELECT ${keys.join(', ')}, _version, ${sql.collect(item, time)} AS _items FROM versions WHERE _starts = 0 GROUP BY ${keys.join(', ')}, _version`,
  };
};

/** Versions with their ends; of those that the table has, whether they look otherwise there. */
function history({ hasTarget, keys, time }: Names): PlanStep {
  const ends = `SELECT v.*, lead(${time}) OVER (PARTITION BY ${keys.join(', ')} ORDER BY ${time}) AS _until FROM versions AS v WHERE v._starts = 1`;
  const columns = hasTarget
    ? 'e.*, c._items, NOT (e._until IS NOT DISTINCT FROM k._was_to AND c._items IS NOT DISTINCT FROM k._was_confirmed) AS _changed'
    : 'e.*, c._items, FALSE AS _changed';
  return {
    name: 'history',
    stored: true,
    purpose: 'the versions of these keys, and when each of them ended',
    sql:
      `SELECT ${columns} FROM (${ends}) AS e LEFT JOIN confirmations AS c ON ${equal('c', 'e', keys)} AND c._version = e._version` +
      (hasTarget ? ` LEFT JOIN known AS k ON ${samePlace('k', 'e')}` : ''),
  };
}

const replaced: PlanStep = {
  name: 'replaced',
  purpose: 'versions of the table that are gone or look otherwise now',
  sql: `SELECT k._path, k._position FROM known AS k WHERE NOT EXISTS (SELECT 1 FROM history AS h WHERE ${samePlace('h', 'k')} AND NOT h._changed)`,
};

/** In the order of the table's columns. */
function writtenRows(
  context: OutputContext,
  { keys, columns, gone, time, from, to, current }: Names,
): string {
  const own = [...columns, '_source_file', '_source_row', '_run_id'];
  const select = (alias: string, until: string, items: string) =>
    `SELECT ${[...of(alias, own), `${alias}.${time} AS ${from}`, `${until} AS ${to}`, `${until} IS NULL AS ${current}`, `${items} AS ${CONFIRMATIONS}`, ...of(alias, gone)].join(', ')}`;
  const hash = context.sql.hash(of('s', keys));
  const alone = `${freshRows('published', '', context)} WHERE NOT EXISTS (SELECT 1 FROM busy_keys AS b WHERE b.h = ${hash})`;
  return (
    `${select('h', 'h._until', 'h._items')} FROM history AS h WHERE h._path IS NULL OR h._changed ` +
    `UNION ALL ${select('a', 'NULL', 'NULL')} FROM (${alone}) AS a`
  );
}
