import type { BatchCheck, Column, Dataset, RowTest } from '../contract/dataset.ts';
import { passes } from './checks.ts';
import type { Dialect } from './dialect.ts';
import type { PlanMeasure } from './plan.ts';
import { sqlType, typed } from './typing.ts';

/** Numbers per file: names of `FileTally`. `published` counts rows that passed; the files written are counted apart. */
export function fileMeasures(dataset: Dataset, violations: boolean, sql: Dialect): readonly PlanMeasure[] {
  const perFile = (name: string, from: string): PlanMeasure => ({
    name,
    sql: `SELECT _file, count(*) AS value FROM ${from} GROUP BY _file`,
  });
  const trailer = dataset.format.kind === 'csv' ? dataset.format.trailer : undefined;
  return [
    perFile('parsed', 'staged'),
    perFile('parsed', 'rejects'),
    perFile('quarantined', 'staged WHERE NOT _ok'),
    perFile('quarantined', 'rejects'),
    ...(violations ? [perFile('quarantined', '(SELECT DISTINCT _id, _file FROM violations) AS v')] : []),
    perFile('deduplicated', "excluded WHERE why <> 'violation'"),
    perFile('duplicate', "excluded WHERE why = 'duplicate'"),
    perFile('superseded', "excluded WHERE why = 'superseded'"),
    perFile('published', 'published'),
    {
      name: 'check',
      sql: 'SELECT _file, number, count(*) AS value FROM failed_checks GROUP BY _file, number',
    },
    { name: 'reject', sql: 'SELECT _file, code, count(*) AS value FROM rejects GROUP BY _file, code' },
    ...(trailer?.sum === undefined
      ? []
      : [
          {
            name: 'controlSum',
            sql: `SELECT _file, CAST(sum(${sql.ident(trailer.sum.column)}) AS ${sql.type({ kind: 'text' })}) AS value FROM staged GROUP BY _file`,
          },
        ]),
  ];
}

/** One number per batch check, over `published`: the rows of the batch about to be published. */
export const batchMeasures = (dataset: Dataset, sql: Dialect): readonly PlanMeasure[] =>
  dataset.batchChecks.map((check) => ({ name: `batch:${check.key}`, sql: batchSql(dataset, check, sql) }));

function batchSql(dataset: Dataset, check: BatchCheck, sql: Dialect): string {
  const count = (from: string) => `SELECT NULL AS _file, ${share(check, 'count(*)')} AS value FROM ${from}`;
  const { measure } = check;
  switch (measure.kind) {
    case 'rowCount':
      return 'SELECT NULL AS _file, count(*) AS value FROM published';
    case 'nulls':
      return count(`published WHERE ${sql.ident(measure.column)} IS NULL`);
    case 'invalid': {
      const column = dataset.columns.find(({ name }) => name === measure.column);
      const text = `CAST(${sql.ident(measure.column)} AS ${sql.type({ kind: 'text' })}) AS ${sql.ident(`_text_${measure.column}`)}`;
      return count(
        `(SELECT *, ${text} FROM published) AS p WHERE NOT (${listed(measure.test, column, sql) ?? passes(measure.test, column, sql)})`,
      );
    }
    case 'duplicates': {
      const keys = measure.columns.map(sql.ident).join(', ');
      const beyond = `COALESCE(sum(n - 1), 0)`;
      return `SELECT NULL AS _file, ${share(check, beyond)} AS value FROM (SELECT count(*) AS n FROM published GROUP BY ${keys}) AS g`;
    }
    case 'sql':
      return `SELECT NULL AS _file, (${measure.query.replaceAll(/\$\{table\}|\{table\}|\{object\}/g, 'published')}) AS value`;
  }
}

/** Only values are there, not how they were written: `1` and `1.00` are one number. Undefined where text is compared. */
function listed(test: RowTest, column: Column | undefined, sql: Dialect): string | undefined {
  if (test.kind !== 'allowed' && test.kind !== 'forbidden') return undefined;
  if (column === undefined || sqlType(column.type).kind === 'text') return undefined;
  const values = test.values.map((value) => typed(column.type, sql.literal(value), sql)).join(', ');
  // A text of the list that is no value of the column equals none: null would leave the answer open.
  const isListed = `COALESCE(${sql.ident(column.name)} IN (${values}), FALSE)`;
  const passed = test.kind === 'allowed' ? isListed : `NOT ${isListed}`;
  return `(${sql.ident(column.name)} IS NULL OR ${passed})`;
}

const share = (check: BatchCheck, count: string): string =>
  check.unit === 'percent' ? `100.0 * ${count} / greatest((SELECT count(*) FROM published), 1)` : count;
