import type { BatchCheck, Dataset } from '../contract/dataset.ts';
import { widenable } from '../contract/widening.ts';
import { columnOf } from './checks.ts';
import type { Dialect } from './dialect.ts';
import type { PlanMeasure } from './plan.ts';
import { overTable } from './portable.ts';
import { validName, widerName } from './stage.ts';
import { sqlType } from './typing.ts';

/** Numbers per file: names of `FileTally`. `published` counts rows that passed; the files written are counted apart. */
export function fileMeasures(dataset: Dataset, violations: boolean, sql: Dialect): readonly PlanMeasure[] {
  const perFile = (name: string, of: string, where?: string, by?: 'number' | 'code'): PlanMeasure => {
    const keys = by === undefined ? '_file' : `_file, ${by}`;
    const from = where === undefined ? of : `${of} WHERE ${where}`;
    return {
      name,
      sql: `SELECT ${keys}, count(*) AS value FROM ${from} GROUP BY ${keys}`,
      counts: { of, ...(where === undefined ? {} : { where }), ...(by === undefined ? {} : { by }) },
    };
  };
  const clean = '_ok AND _failed IS NULL';
  const trailer = dataset.format.kind === 'csv' ? dataset.format.trailer : undefined;
  return [
    perFile('parsed', 'staged'),
    perFile('parsed', 'rejects'),
    perFile('quarantined', 'staged', 'NOT _ok'),
    perFile('quarantined', 'rejects'),
    ...(violations ? [perFile('quarantined', '(SELECT DISTINCT _id, _file FROM violations) AS v')] : []),
    perFile('deduplicated', 'excluded', "why <> 'violation'"),
    perFile('duplicate', 'excluded', "why = 'duplicate'"),
    perFile('superseded', 'excluded', "why = 'superseded'"),
    perFile('published', 'published'),
    violations
      ? {
          name: 'clean',
          sql: `SELECT _file, count(*) AS value FROM staged WHERE ${clean} AND _id NOT IN (SELECT _id FROM violations) GROUP BY _file`,
        }
      : perFile('clean', 'staged', clean),
    perFile('check', 'failed_checks', undefined, 'number'),
    perFile('reject', 'rejects', undefined, 'code'),
    ...Object.keys(widenable(dataset)).map((column) => {
      const needs = sql.ident(widerName(column));
      return {
        name: `wider:${column}`,
        sql: `SELECT _file, max(${needs}) AS value FROM staged WHERE ${needs} IS NOT NULL GROUP BY _file`,
      };
    }),
    ...(trailer?.sum === undefined
      ? []
      : [
          {
            name: 'controlSum',
            sql: `SELECT _file, ${sql.sum(sql.ident(trailer.sum.column), sqlType(columnOf(dataset, trailer.sum.column).type))} AS value FROM staged GROUP BY _file`,
          },
        ]),
  ];
}

/** One number per batch check, over `published`: the rows of the batch about to be published. */
export const batchMeasures = (dataset: Dataset, sql: Dialect): readonly PlanMeasure[] =>
  dataset.batchChecks.map((check, number) => ({
    name: `batch:${check.key}`,
    sql: batchSql(check, number, sql),
  }));

function batchSql(check: BatchCheck, number: number, sql: Dialect): string {
  const count = (from: string) => `SELECT NULL AS _file, ${share(check, 'count(*)')} AS value FROM ${from}`;
  const { measure } = check;
  switch (measure.kind) {
    case 'rowCount':
      return 'SELECT NULL AS _file, count(*) AS value FROM published';
    case 'nulls':
      return count(`published WHERE ${sql.ident(measure.column)} IS NULL`);
    case 'invalid':
      return count(`published WHERE NOT ${sql.ident(validName(number))}`);
    case 'duplicates': {
      const keys = measure.columns.map(sql.ident).join(', ');
      const beyond = `COALESCE(sum(n - 1), 0)`;
      return `SELECT NULL AS _file, ${share(check, beyond)} AS value FROM (SELECT count(*) AS n FROM published GROUP BY ${keys}) AS g`;
    }
    case 'sql':
      return `SELECT NULL AS _file, (${sql.query(overTable(measure.query, 'published'))}) AS value`;
  }
}

const share = (check: BatchCheck, count: string): string =>
  check.unit === 'percent'
    ? `CAST(100 AS DOUBLE) * ${count} / greatest((SELECT count(*) FROM published), 1)`
    : count;
