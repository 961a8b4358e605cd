import type { Column, Dataset } from '../contract/dataset.ts';
import { isDropped, isTokenized, protectedText, token } from '../privacy/protection.ts';
import type { Field } from '../table/schema.ts';
import type { CompiledCheck } from './checks.ts';
import type { Dialect } from './dialect.ts';
import {
  type OutputName,
  type Plan,
  type PlanMeasure,
  type PlanOutput,
  type PlanStep,
  SIDE_OUTPUTS,
  type SideOutput,
} from './plan.ts';
import { classifiedColumns, retiredColumns, schemaOf, tableOf } from './tables.ts';
import { sqlType } from './typing.ts';

export interface OutputContext {
  readonly dataset: Dataset;
  readonly runId: string;
  readonly sql: Dialect;
  /** Columns of the tables by output, with their field ids. */
  readonly schemas: Partial<Readonly<Record<OutputName, readonly Field[]>>>;
  readonly sides: Plan['sides'];
  /** By withdrawn file: the file that takes its place, where it is another one. */
  readonly successors: Readonly<Record<string, string>>;
  /** Rows of withdrawn files leave the tables. */
  readonly withdraws: boolean;
  /** Selects of `path`: files of the table that leave it. */
  readonly replaced: readonly string[];
  /** The rows of `target` in files that leave are written again, those in `replaced` excepted. */
  readonly rewrites: boolean;
  /** There is a relation `violations`: rows without a failed check of their own may be refused. */
  readonly violations: boolean;
  /** There is a relation `replaced`. */
  readonly merges: boolean;
  /** Type-2 rows take the place of published ones: see `historySteps`. */
  readonly history?: HistoryRows;
}

/** What becomes of a history in one run. */
export interface HistoryRows {
  /** Select of the rows that are written. */
  readonly rows: string;
  /** Relations: versions of the table that stand with another end, and versions that came back. */
  readonly kept: string;
  readonly derived: string;
}

const asText = (column: Column, side: string, sql: Dialect): string =>
  sql.text(`${side}${sql.ident(column.name)}`, sqlType(column.type));

/** `tokens_<n>` (`value`, `token`): only distinct values are hashed. */
export function tokenSteps({ dataset, sql }: OutputContext): readonly PlanStep[] {
  return dataset.columns.filter(isTokenized).map((column) => ({
    name: tokensOf(column, dataset),
    purpose: `tokens of the distinct values of ${column.name}`,
    sql: `SELECT value, ${token(dataset.domain, 'value', sql)} AS token FROM (SELECT DISTINCT ${asText(column, '', sql)} AS value FROM staged WHERE _ok) AS distinct_values WHERE value IS NOT NULL`,
  }));
}

const tokensOf = (column: Column, dataset: Dataset): string => `tokens_${dataset.columns.indexOf(column)}`;

/** `reasons` (`_id`, `_reasons`): why each refused row was refused. */
export function reasonSteps(
  checks: readonly CompiledCheck[],
  violations: boolean,
  sql: Dialect,
): readonly PlanStep[] {
  const text = sql.type({ kind: 'text' });
  const nullable = (value: string | undefined) =>
    value === undefined ? `CAST(NULL AS ${text})` : sql.literal(value);
  const rows = checks.map(
    (check, number) =>
      `(${number}, ${sql.literal(check.code)}, ${nullable(check.column)}, ${nullable(check.rule)}, ${check.action !== 'warn'})`,
  );
  // A list of values: to Spark a relation that it reads without a job. Nothing fails the check -1, which gives the columns their types.
  const types = `(-1, '', ${nullable(undefined)}, ${nullable(undefined)}, FALSE)`;
  const failed = sql.explodeNumbers('staged', ['_id', '_file'], '_failed');
  const repeated = violations ? ' UNION ALL SELECT _id, _file, number FROM violations' : '';
  return [
    {
      name: 'check_list',
      purpose: 'the checks of the contract by number',
      sql: `SELECT * FROM (VALUES ${[types, ...rows].join(', ')}) AS checks(number, code, ${sql.ident('column')}, rule, blocks)`,
    },
    {
      name: 'failed_checks',
      purpose: 'one row per failed check of a row, warnings included',
      sql: `SELECT _id, _file, number FROM ${failed} AS failed${repeated}`,
    },
    {
      name: 'reasons',
      purpose: 'why each refused row was refused',
      sql:
        `SELECT f._id, ${sql.collect(sql.reason('c.code', `c.${sql.ident('column')}`, 'c.rule'), 'c.number')} AS _reasons ` +
        'FROM failed_checks AS f JOIN check_list AS c ON c.number = f.number WHERE c.blocks GROUP BY f._id',
    },
  ];
}

export function outputs(context: OutputContext): readonly PlanOutput[] {
  const { dataset } = context;
  const vaulted = dataset.columns.some((column) => column.pii?.action === 'vault');
  const replaced = union(context.replaced);
  return [
    side(context, 'quarantine', quarantineSql(context)),
    ...(vaulted ? [output(context, 'vault', vaultSql(context))] : []),
    ...(dataset.raw ? [side(context, 'raw', rawSql(context))] : []),
    ...(dataset.earlier ? [side(context, 'earlier', earlierSql(context))] : []),
    {
      ...output(context, 'curated', curatedSql(context)),
      ...(replaced === undefined ? {} : { removes: replaced }),
    },
  ];
}

/** A side table loses the rows of withdrawn files in the same commit: its files that hold any are written again without them. */
function side(context: OutputContext, name: SideOutput, statement: string): PlanOutput {
  const plain = output(context, name, statement);
  if (context.sides[name] === undefined) return plain;
  const { sql } = context;
  const gone = retired(context, name).map((field) => sql.ident(field.name));
  const rows = `SELECT fresh.*${gone.map((column) => `, NULL AS ${column}`).join('')} FROM (${statement}) AS fresh`;
  return {
    ...plain,
    sql: `${rows} UNION ALL ${standing(name, plain.schema, context)}`,
    removes: withdrawnPaths(name),
  };
}

/** Select of `path`: files of a table that hold rows of withdrawn files. */
export const withdrawnPaths = (output: OutputName): string =>
  `SELECT path FROM withdrawn_paths WHERE output = '${output}'`;

const union = (selects: readonly string[]): string | undefined =>
  selects.length === 0
    ? undefined
    : `SELECT DISTINCT path FROM (${selects.join(' UNION ALL ')}) AS every_path`;

function standing(name: SideOutput, fields: readonly Field[], context: OutputContext): string {
  const columns = fields.map((field) => `t.${context.sql.ident(field.name)}`);
  const stays = `SELECT ${columns.join(', ')} FROM target_${name} AS t WHERE t._path IN (${withdrawnPaths(name)})`;
  if (name !== 'earlier') return stays;
  const [by, run] = withdrawal(context);
  const first: Readonly<Record<string, string>> = { _withdrawn_by: by, _withdrawn_run: run };
  const marked = fields.map((field, index) => {
    const value = first[field.name];
    return value === undefined ? columns[index] : `COALESCE(${columns[index]}, ${value}) AS ${field.name}`;
  });
  return `${stays} UNION ALL SELECT ${marked.join(', ')} FROM target_earlier_withdrawn AS t`;
}

/** Values of `WITHDRAWN` for a row `t` that leaves with its file. */
function withdrawal({ successors, runId, sql }: OutputContext): readonly [string, string] {
  const cases = Object.entries(successors).map(
    ([old, successor]) => ` WHEN ${sql.literal(old)} THEN ${sql.literal(successor)}`,
  );
  const by =
    cases.length === 0 ? 't._source_file' : `CASE t._source_file${cases.join('')} ELSE t._source_file END`;
  return [by, sql.literal(runId)];
}

/**
 * Rows of files that leave a table: `kept:<output>` are written again, `lost:<output>` are not. Together they must be all rows of these
 * files (Verify).
 */
export function removalMeasures(context: OutputContext): readonly PlanMeasure[] {
  const count = (name: string, rows: string): PlanMeasure => ({
    name,
    sql: `SELECT NULL AS _file, count(*) AS value FROM (${rows}) AS counted`,
  });
  const withdrawn = (name: OutputName): PlanMeasure => ({
    name: `lost:${name}`,
    sql: `SELECT NULL AS _file, COALESCE(sum(rows), 0) AS value FROM withdrawn_paths WHERE output = '${name}'`,
  });
  const sides = SIDE_OUTPUTS.flatMap((name) => {
    const stays = `SELECT 1 AS one FROM target_${name} AS t WHERE t._path IN (${withdrawnPaths(name)})`;
    if (context.sides[name] === undefined) return [];
    return name === 'earlier'
      ? [count('kept:earlier', `${stays} UNION ALL SELECT 1 AS one FROM target_earlier_withdrawn AS t`)]
      : [count(`kept:${name}`, stays), withdrawn(name)];
  });
  const lostToBatch = (merges: boolean) => [
    withdrawn('curated'),
    ...(merges ? [count('lost:curated', 'SELECT 1 AS one FROM replaced')] : []),
  ];
  const changedVersions = ({ kept, derived }: HistoryRows) => [
    count('kept:curated', `SELECT 1 AS one FROM ${kept}`),
    count(
      'lost:curated',
      `SELECT 1 AS one FROM replaced AS r WHERE NOT EXISTS (SELECT 1 FROM ${kept} WHERE ${samePlace('r', 'h')})`,
    ),
    count('derived:curated', `SELECT 1 AS one FROM ${derived}`),
  ];
  const rewritten = rewrittenRows('1 AS one', context);
  if (rewritten === undefined) return sides;
  return [
    ...sides,
    count('kept:curated', rewritten),
    ...(context.history === undefined ? lostToBatch(context.merges) : changedVersions(context.history)),
  ];
}

/** The rows of the table that the commit removes with their files and adds again. */
function rewrittenRows(columns: string, { rewrites, merges, replaced }: OutputContext): string | undefined {
  const touched = union(replaced);
  if (!rewrites || touched === undefined) return undefined;
  const loses = merges ? ` AND NOT EXISTS (SELECT 1 FROM replaced AS r WHERE ${samePlace('r', 't')})` : '';
  return `SELECT ${columns} FROM target AS t WHERE t._path IN (${touched})${loses}`;
}

/** Two relations name the same row of the table. */
export const samePlace = (left: string, right: string): string =>
  `${left}._path = ${right}._path AND ${left}._position = ${right}._position`;

function output(context: OutputContext, name: OutputName, statement: string): PlanOutput {
  const { dataset, runId, sql } = context;
  const table = tableOf(dataset, name);
  const schema = writtenColumns(context, name);
  return {
    name,
    table,
    prefix: `${table.database}/${table.name}/data/${runId}`,
    store: name === 'vault' ? 'vault' : 'lake',
    schema,
    partitionBy: name === 'curated' ? partitionsOf(dataset, sql) : [],
    sql: statement,
    classified: classifiedColumns(dataset, name, schema),
  };
}

/** Columns of the contract by the table's ids; retired ones only where old rows are written again. */
function writtenColumns(context: OutputContext, name: OutputName): readonly Field[] {
  const wanted = schemaOf(context.dataset, name);
  const table = new Map((context.schemas[name] ?? wanted).map((field) => [field.name, field]));
  return [...wanted.map((field) => table.get(field.name) ?? field), ...retired(context, name)];
}

export function retired(
  { dataset, rewrites, replaced, sides, schemas }: OutputContext,
  name: OutputName,
): readonly Field[] {
  const rewritten =
    name === 'curated' ? rewrites && replaced.length > 0 : name !== 'vault' && sides[name] !== undefined;
  return rewritten ? retiredColumns(dataset, name, schemas[name] ?? []) : [];
}

export function partitionsOf(dataset: Dataset, sql: Dialect): PlanOutput['partitionBy'] {
  return dataset.columns
    .flatMap((column) => (column.partition === undefined ? [] : [{ column, ...column.partition }]))
    .sort((a, b) => a.position - b.position)
    .map(({ column, transform }) => ({
      name: transform === 'identity' ? column.name : `${column.name}_${transform}`,
      column: column.name,
      transform,
      expression: sql.partition(sql.ident(column.name), transform),
    }));
}

function curatedSql(context: OutputContext): string {
  const { dataset, sql, history } = context;
  const same = [...schemaOf(dataset, 'curated'), ...retired(context, 'curated')];
  const rows = history?.rows ?? freshRows('published', '', context);
  const rewritten = rewrittenRows(same.map(({ name }) => `t.${sql.ident(name)}`).join(', '), context);
  return rewritten === undefined ? rows : `${rows} UNION ALL ${rewritten}`;
}

/** Select of rows of the batch as curated shows them, retired columns empty; `s` is the row, `f` its file. */
export function freshRows(
  relation: 'published' | 'staged' | 'losers',
  more: string,
  context: OutputContext,
): string {
  const { dataset, runId, sql } = context;
  const kept = dataset.columns.filter((column) => !isDropped(column));
  const gone = retired(context, 'curated');
  const columns = kept.map((column) => `${curatedValue(column, dataset, sql)} AS ${sql.ident(column.name)}`);
  const joins = kept
    .filter(isTokenized)
    .map((column) => {
      const tokens = tokensOf(column, dataset);
      return ` LEFT JOIN ${tokens} ON ${tokens}.value = ${asText(column, 's.', sql)}`;
    })
    .join('');
  return (
    `SELECT ${more}${columns.join(', ')}, f.file_id AS _source_file, s._row AS _source_row, ${sql.literal(runId)} AS _run_id${gone.map(({ name }) => `, NULL AS ${sql.ident(name)}`).join('')} ` +
    `FROM ${relation} AS s JOIN files AS f ON f._file = s._file${joins}`
  );
}

function curatedValue(column: Column, dataset: Dataset, sql: Dialect): string {
  if (isTokenized(column)) return `${tokensOf(column, dataset)}.token`;
  const value = `s.${sql.ident(column.name)}`;
  return column.pii === undefined
    ? value
    : protectedText(dataset.domain, column, asText(column, 's.', sql), sql);
}

/** Fields as they came, personal ones as in curated; records that could not be split are pointers into the file. */
function quarantineSql({ dataset, runId, sql, violations }: OutputContext): string {
  const text = sql.type({ kind: 'text' });
  const number = sql.type({ kind: 'integer64' });
  const fields = dataset.columns.map((column, index) => {
    const shown =
      column.pii === undefined
        ? `COALESCE(${sql.item('s._shown', index)}, ${asText(column, 's.', sql)})`
        : protectedText(dataset.domain, column, asCurated(column, sql.item('s._shown', index), sql), sql);
    return `${shown} AS ${sql.ident(column.name)}`;
  });
  const nothing = dataset.columns.map(() => `CAST(NULL AS ${text})`);
  const run = sql.literal(runId);
  // Said before the join, which would move all rows of the batch for the few.
  const staged = violations ? 'staged' : '(SELECT * FROM staged WHERE _failed IS NOT NULL)';
  const unsplit = sql.array([sql.reason('j.code', `CAST(NULL AS ${text})`, `CAST(NULL AS ${text})`)]);
  return (
    `SELECT ${fields.join(', ')}, f.file_id AS _source_file, s._row AS _source_row, ${run} AS _run_id, CAST(NULL AS ${number}) AS _byte_start, CAST(NULL AS ${number}) AS _byte_end, r._reasons ` +
    `FROM ${staged} AS s JOIN reasons AS r ON r._id = s._id JOIN files AS f ON f._file = s._file ` +
    `UNION ALL SELECT ${nothing.join(', ')}, f.file_id, j._row, ${run}, j.byte_start, j.byte_end, ${unsplit} FROM rejects AS j JOIN files AS f ON f._file = j._file`
  );
}

/** What curated hashes or masks is the typed value: only a text that is no value, cleaned, shows itself. */
const asCurated = (column: Column, text: string, sql: Dialect): string =>
  `COALESCE(${asText(column, 's.', sql)}, ${text})`;

/** Fields as they came, personal ones as in quarantine. */
function rawSql({ dataset, runId, sql }: OutputContext): string {
  const fields = dataset.columns.map((column, index) => {
    const shown =
      column.pii === undefined
        ? sql.item('s._text', index)
        : protectedText(dataset.domain, column, asCurated(column, sql.item('s._text', index), sql), sql);
    return `${shown} AS ${sql.ident(column.name)}`;
  });
  return (
    `SELECT ${fields.join(', ')}, f.file_id AS _source_file, s._row AS _source_row, ${sql.literal(runId)} AS _run_id ` +
    'FROM staged AS s JOIN files AS f ON f._file = s._file'
  );
}

/** `losers`: rows of the batch, as staged, that lose to another row of the batch or of the table. */
export const loserStep = (merges: boolean): PlanStep => ({
  name: 'losers',
  purpose: 'rows of the batch that are not published because of another row of their key',
  sql: `SELECT * FROM staged WHERE _id IN (SELECT _id FROM batch_losers${merges ? ' UNION ALL SELECT _id FROM table_losers' : ''})`,
});

/** Rows that lost, of the batch and of the table, and those that leave with their file, as curated shows them. */
function earlierSql(context: OutputContext): string {
  const { dataset, merges, withdraws, sql } = context;
  const columns = schemaOf(dataset, 'curated').map(({ name }) => sql.ident(name));
  const nothing = `CAST(NULL AS ${sql.type({ kind: 'text' })})`;
  const select = (relation: string, [by, run]: readonly [string, string] = [nothing, nothing]) =>
    `SELECT ${columns.map((column) => `${relation}.${column}`).join(', ')}, ${by} AS _withdrawn_by, ${run} AS _withdrawn_run`;
  return [
    `${select('l')} FROM (${freshRows('losers', '', context)}) AS l`,
    ...(merges ? [`${select('t')} FROM target AS t JOIN replaced AS r ON ${samePlace('r', 't')}`] : []),
    ...(merges && withdraws ? [`${select('t', withdrawal(context))} FROM target_withdrawn AS t`] : []),
  ].join(' UNION ALL ');
}

/** Originals of tokens that the vault does not hold yet; `vault_known` (`token`) is what it holds. */
function vaultSql({ dataset, runId, sql }: OutputContext): string {
  const vaulted = dataset.columns.filter((column) => column.pii?.action === 'vault');
  return vaulted
    .map((column, index) => {
      // One value in two columns has one token, and the vault holds it once.
      const earlier = vaulted
        .slice(0, index)
        .map(
          (other) =>
            ` AND NOT EXISTS (SELECT 1 FROM ${tokensOf(other, dataset)} AS e WHERE e.token = v.token)`,
        )
        .join('');
      return (
        `SELECT v.token, ${sql.literal(column.name)} AS ${sql.ident('column')}, v.value, ${sql.literal(column.pii?.kind ?? '')} AS kind, ${sql.literal(runId)} AS _run_id ` +
        `FROM ${tokensOf(column, dataset)} AS v WHERE NOT EXISTS (SELECT 1 FROM vault_known AS k WHERE k.token = v.token)${earlier}`
      );
    })
    .join(' UNION ALL ');
}
