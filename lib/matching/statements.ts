import type { Column } from '../contract/dataset.ts';
import { datasetId } from '../contract/dataset.ts';
import { type Comparison, DEFAULT_CRITERIA, type Entity, type MatchSource } from '../contract/entity.ts';
import type { Criterion } from '../contract/matching-schema.ts';
import { UNDATED } from '../ledger/entries.ts';
import { duckDb } from '../plan/dialects/duckdb.ts';
import { duckDbType, rowsOf, type TableFiles } from '../plan/parquet-copy.ts';
import { curatedField } from '../plan/tables.ts';
import { clearColumn, levelColumn, levelNames } from './settings.ts';
import { keptFields } from './tables.ts';

const { ident, literal } = duckDb;

/** Column of a field with the value that readers see. */
const shownColumn = (field: string): string => `g_${field}`;

/** `<vault>`: originals of a source's tokens, one row a token. */
export const vaultTable = (source: number): string => `vault_${source}`;

/** Statement that makes the table of originals of a source. */
export const makeVault = (source: number, vault: TableFiles): string =>
  `CREATE TABLE ${vaultTable(source)} AS SELECT token, any_value(value) AS value FROM ${rowsOf(vault)} GROUP BY token`;

/**
 * Statement that makes `records`: `n` (from 0, in the order of source and id), `source`, `source_id`, how new it is (`newness`, `place`), and
 * by field the value that readers see (`g_`) and the one that is compared (`v_`, text): in clear where it is not personal or stands in the vault, a token otherwise.
 */
export function makeRecords(entity: Entity, curated: readonly TableFiles[]): string {
  const parts = entity.sources.map((source, index) => {
    const table = curated[index] ?? { files: [], schema: [] };
    return `SELECT ${sourceColumns(entity, source, index).join(', ')} FROM ${rowsOf(table)} AS t${vaultJoins(entity, source, index)}`;
  });
  return `CREATE TABLE records AS SELECT CAST(row_number() OVER (ORDER BY source, source_id) - 1 AS INTEGER) AS n, * FROM (${parts.join(' UNION ALL ')}) AS every_record`;
}

function sourceColumns(entity: Entity, source: MatchSource, index: number): readonly string[] {
  const parts = source.id.map((name) => `CAST(t.${ident(name)} AS VARCHAR)`);
  const id =
    parts.length === 1
      ? `${parts[0]}`
      : parts.map((part) => `replace(replace(${part}, '\\', '\\\\'), '|', '\\|')`).join(" || '|' || ");
  // Rows of different files have no order by their numbers: of one date the next criterion decides.
  const [newness, place] =
    source.orderBy === undefined
      ? [fileOrder('t._source_file'), 't._source_row']
      : [`CAST(t.${ident(source.orderBy)} AS VARCHAR)`, 'CAST(NULL AS BIGINT)'];
  return [
    `${index} AS source`,
    `${id} AS source_id`,
    `${newness} AS newness`,
    `${place} AS place`,
    ...keptFields(entity).flatMap((field) => valueColumns(field, source, index)),
  ];
}

/** Files of all sources in one order: one without a business date has that of the day on which it came. */
function fileOrder(file: string): string {
  const received = (from: number, to: number) => `${file}[${UNDATED.length + from}:${UNDATED.length + to}]`;
  const day = [received(1, 4), received(5, 6), received(7, 8)].join(" || '-' || ");
  return `CASE WHEN starts_with(${file}, ${literal(UNDATED)}) THEN ${day} || substr(${file}, ${UNDATED.length}) ELSE ${file} END`;
}

function valueColumns(field: Column, source: MatchSource, index: number): readonly string[] {
  const type = duckDbType(curatedField(field).type);
  const [shown, clear] = [ident(shownColumn(field.name)), ident(clearColumn(field.name))];
  const name = source.columns[field.name];
  if (name === undefined) return [`CAST(NULL AS ${type}) AS ${shown}`, `CAST(NULL AS VARCHAR) AS ${clear}`];
  const value = `t.${ident(name)}`;
  const original =
    field.pii?.action === 'vault' ? `${vaultAlias(index, field)}.value` : `CAST(${value} AS VARCHAR)`;
  return [`CAST(${value} AS ${type}) AS ${shown}`, `${original} AS ${clear}`];
}

const vaultAlias = (index: number, field: Column): string => ident(`${vaultTable(index)}_${field.name}`);

const vaultJoins = (entity: Entity, source: MatchSource, index: number): string =>
  entity.fields
    .filter(({ name, pii }) => pii?.action === 'vault' && source.columns[name] !== undefined)
    .map((field) => {
      const alias = vaultAlias(index, field);
      return ` LEFT JOIN ${vaultTable(index)} AS ${alias} ON ${alias}.token = t.${ident(source.columns[field.name] ?? '')}`;
    })
    .join('');

/** One row: records without an id, ids that stand twice, values whose original the vault lacks. */
export function recordFacts(entity: Entity): string {
  const lost = entity.fields
    .filter(({ pii }) => pii?.action === 'vault')
    .map(
      ({ name }) =>
        `count(*) FILTER (WHERE ${ident(shownColumn(name))} IS NOT NULL AND ${ident(clearColumn(name))} IS NULL)`,
    );
  return (
    'SELECT count(*) AS records, count(*) FILTER (WHERE source_id IS NULL) AS nameless, ' +
    `count(*) - count(DISTINCT (source, source_id)) AS twice, ${lost.length === 0 ? '0' : lost.join(' + ')} AS lost FROM records`
  );
}

/** Pairs that a blocking rule would have compared. */
export const blockSize = (rule: readonly string[]): string => {
  const columns = rule.map((name) => ident(clearColumn(name)));
  return `SELECT coalesce(sum(n * (n - 1) // 2), 0) AS pairs FROM (SELECT count(*)::HUGEINT AS n FROM records WHERE ${columns.map((name) => `${name} IS NOT NULL`).join(' AND ')} GROUP BY ${columns.join(', ')}) AS block`;
};

/** What Splink reads: the columns that are compared or blocked on, nothing else. */
export function comparable(entity: Entity): string {
  const used = new Set([
    ...entity.comparisons.map(({ column }) => column),
    ...entity.blocking.flat(),
    ...entity.certain.rules.flat(),
  ]);
  return `SELECT n, ${[...used].map((name) => ident(clearColumn(name))).join(', ')} FROM records ORDER BY n`;
}

/** Statement that makes `pairs` of what Splink wrote: `l` < `r`, `weight`, `probability`, `linked`, `evidence`. */
export function makePairs({ comparisons, thresholds }: Entity, files: string): string {
  const evidence = comparisons.map((each) => `${literal(`${each.column} `)} || ${levelText(each)}`);
  return (
    'CREATE TABLE pairs AS SELECT least(n_l, n_r) AS l, greatest(n_l, n_r) AS r, round(match_weight, 6) AS weight, ' +
    `round(match_probability, 9) AS probability, match_probability >= ${thresholds.link} AS linked, concat_ws(', ', ${evidence.join(', ')}) AS evidence FROM read_parquet(${literal(files)})`
  );
}

const levelText = (comparison: Comparison): string =>
  `CASE ${levelColumn(comparison.column)} ${levelNames(comparison)
    .map(([level, name]) => `WHEN ${level} THEN ${literal(name)}`)
    .join(' ')} END`;

const sourceName = (entity: Entity, source: string): string =>
  `CASE ${source} ${entity.sources.map(({ dataset }, index) => `WHEN ${index} THEN ${literal(datasetId(dataset))}`).join(' ')} END`;

/** Statement that makes `named`: number and full name of every record. */
export const makeNamed = (entity: Entity): string =>
  `CREATE TABLE named AS SELECT n, ${sourceName(entity, 'source')} AS source, source_id FROM records`;

/** One row a customer, of `records` and `assigned` (`n`, `id`). */
export function goldenQuery(entity: Entity, runId: string): string {
  const counted = keptFields(entity).filter(({ name }) => criteriaOf(entity, name).includes('frequent'));
  const counts = counted.map(
    ({ name }) =>
      `, count(*) OVER (PARTITION BY a.id, r.${ident(shownColumn(name))}) AS ${ident(`count_${name}`)}`,
  );
  const values = keptFields(entity).map(({ name }) => {
    const shown = ident(shownColumn(name));
    const order = [...criteriaOf(entity, name).map((each) => orderOf(each, name)), 'source', 'source_id'];
    return `first(${shown} ORDER BY ${order.join(', ')}) FILTER (WHERE ${shown} IS NOT NULL) AS ${ident(name)}`;
  });
  return (
    `SELECT id AS ${ident(entity.id)}, ${values.map((value) => `${value}, `).join('')}count(*) AS _records, ${literal(runId)} AS _run_id ` +
    `FROM (SELECT r.*, a.id${counts.join('')} FROM records AS r JOIN assigned AS a ON a.n = r.n) AS m GROUP BY id ORDER BY id`
  );
}

const criteriaOf = ({ survivorship }: Entity, field: string): readonly Criterion[] =>
  survivorship[field] ?? DEFAULT_CRITERIA;

function orderOf(criterion: Criterion, field: string): string {
  switch (criterion) {
    case 'source':
      return 'source';
    case 'newest':
      return 'newness DESC NULLS LAST, place DESC';
    case 'oldest':
      return 'newness NULLS LAST, place';
    case 'longest':
      return `length(coalesce(${ident(clearColumn(field))}, '')) DESC`;
    case 'frequent':
      return `${ident(`count_${field}`)} DESC`;
  }
}

/** One row a record. `decided` (`review_id`, `l`, `r`, `state`, `by`): pairs that a person has decided. */
export const xrefQuery = (entity: Entity, runId: string): string =>
  `SELECT d.source, d.source_id, a.id AS ${ident(entity.id)}, w.weight AS match_weight, ` +
  `CASE WHEN w.weight IS NOT NULL THEN 'weight' WHEN v.n IS NOT NULL THEN 'review' END AS matched_by, ${literal(runId)} AS _run_id ` +
  'FROM named AS d JOIN assigned AS a ON a.n = d.n ' +
  'LEFT JOIN (SELECT n, max(weight) AS weight FROM (SELECT unnest([p.l, p.r]) AS n, p.weight FROM pairs AS p ' +
  'JOIN assigned AS x ON x.n = p.l JOIN assigned AS y ON y.n = p.r WHERE p.linked AND x.id = y.id) AS ends GROUP BY n) AS w ON w.n = d.n ' +
  "LEFT JOIN (SELECT DISTINCT unnest([l, r]) AS n FROM decided WHERE state = 'accepted') AS v ON v.n = d.n ORDER BY d.n";

/**
 * Pairs for people: those of `decided`, and open ones: likely enough, not in one cluster. A pair above the link threshold is among them where a
 * verdict about other records keeps it apart.
 */
export const reviewQuery = (runId: string): string =>
  `SELECT coalesce(d.review_id, ${REVIEW_ID}) AS review_id, coalesce(d.state, 'open') AS state, ` +
  'a.source AS left_source, a.source_id AS left_id, b.source AS right_source, b.source_id AS right_id, ' +
  `p.weight AS match_weight, p.probability AS match_probability, p.evidence, d.by AS decided_by, ${literal(runId)} AS _run_id ` +
  'FROM pairs AS p FULL JOIN decided AS d ON d.l = p.l AND d.r = p.r ' +
  'JOIN named AS a ON a.n = coalesce(p.l, d.l) JOIN named AS b ON b.n = coalesce(p.r, d.r) ' +
  'JOIN assigned AS x ON x.n = a.n JOIN assigned AS y ON y.n = b.n ' +
  'WHERE d.l IS NOT NULL OR x.id <> y.id ORDER BY p.weight DESC NULLS LAST, a.n, b.n';

/** `reviewId` in SQL. */
const REVIEW_ID = 'left(sha256(concat_ws(chr(31), a.source, a.source_id, b.source, b.source_id)), 12)';
