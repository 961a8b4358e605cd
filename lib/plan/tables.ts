import { type Column, type ColumnType, type Dataset, EARLIER } from '../contract/dataset.ts';
import type { TableName } from '../ports/catalog.ts';
import { isDropped } from '../privacy/protection.ts';
import type { Field, FieldType } from '../table/schema.ts';
import type { TableDefinition } from '../table/table.ts';
import type { OutputName } from './plan.ts';

/** Where an output goes: `<domain>` for curated rows and those that they have replaced, `<domain>_<output>` for the side rooms. */
export const tableOf = (dataset: Pick<Dataset, 'domain' | 'name'>, output: OutputName): TableName =>
  output === 'earlier'
    ? { database: dataset.domain, name: `${dataset.name}${EARLIER}` }
    : {
        database: output === 'curated' ? dataset.domain : `${dataset.domain}_${output}`,
        name: dataset.name,
      };

/** What the contract wants of an output's table. `partitionBy` counts for curated rows only. */
export const definitionOf = (
  dataset: Dataset,
  output: OutputName,
  partitionBy: TableDefinition['partitionBy'],
): TableDefinition => ({
  schema: schemaOf(dataset, output),
  formerNames: Object.fromEntries(dataset.columns.map(({ name, formerNames }) => [name, formerNames])),
  partitionBy: output === 'curated' ? partitionBy : [],
});

/** Columns that the table has and the contract no longer: rewritten rows keep their values. */
export function retiredColumns(
  dataset: Dataset,
  output: OutputName,
  table: readonly Field[],
): readonly Field[] {
  const wanted = new Set(schemaOf(dataset, output).map(({ name }) => name));
  return table.filter(({ name }) => !wanted.has(name));
}

/**
 * Columns whose bounds stand in no metadata. Whether a retired column was classified is not known any more, so it counts as one. A row that came
 * shifted has a personal value in another column, and is refused for it: where rows stand as they came, no column of the contract has bounds then.
 */
export const classifiedColumns = (
  dataset: Dataset,
  output: OutputName,
  table: readonly Field[],
): readonly string[] =>
  output === 'vault'
    ? ['value']
    : [
        ...dataset.columns
          .filter((column) => column.pii !== undefined || isAsCame(dataset, output))
          .map(({ name }) => name),
        ...retiredColumns(dataset, output, table).map((field) => field.name),
      ];

const isAsCame = ({ columns }: Dataset, output: OutputName): boolean =>
  (output === 'quarantine' || output === 'raw') && columns.some(({ pii }) => pii !== undefined);

/** Columns of an output's new table, ids from 1 in order, ids of nested fields after them. */
export function schemaOf(dataset: Dataset, output: OutputName): readonly Field[] {
  switch (output) {
    case 'curated':
      return numbered([...typedFields(dataset), ...historyFields(dataset)]);
    case 'earlier':
      return numbered([...typedFields(dataset), ...WITHDRAWN]);
    case 'quarantine':
      return numbered([
        ...dataset.columns.map((column) => text(column.name)),
        ...origin,
        { name: '_byte_start', type: 'long', required: false },
        { name: '_byte_end', type: 'long', required: false },
        { name: '_reasons', type: reasons(dataset.columns.length + origin.length + 3), required: true },
      ]);
    case 'raw':
      return numbered([...dataset.columns.map((column) => text(column.name)), ...origin]);
    case 'vault':
      return numbered([text('token'), text('column'), text('value'), text('kind'), text('_run_id')]);
  }
}

type Unnumbered = Omit<Field, 'id'>;

const typedFields = (dataset: Dataset): readonly Unnumbered[] => [
  ...dataset.columns.filter((column) => !isDropped(column)).map(curatedField),
  ...origin,
];

const text = (name: string): Unnumbered => ({ name, type: 'string', required: false });

const origin: readonly Unnumbered[] = [
  { name: '_source_file', type: 'string', required: true, doc: 'file_id in headgate.files' },
  { name: '_source_row', type: 'long', required: true, doc: 'number of the record in its file, from 1' },
  { name: '_run_id', type: 'string', required: true, doc: 'run_id in headgate.runs' },
];

/** Of rows that left with their file: the file that took its place, or itself where it was loaded again, and the run that did it. */
export const WITHDRAWN: readonly Unnumbered[] = [
  {
    name: '_withdrawn_by',
    type: 'string',
    required: false,
    doc: 'file_id in headgate.files of the file that took the place of its own; null: another row won',
  },
  { name: '_withdrawn_run', type: 'string', required: false, doc: 'run_id in headgate.runs that did it' },
];

export const numbered = (fields: readonly Unnumbered[]): readonly Field[] =>
  fields.map((field, index) => ({ id: index + 1, ...field }));

/** A list of structs; `last` is the id of the column itself, nested ids follow it. */
const reasons = (last: number): FieldType => ({
  type: 'list',
  'element-id': last + 1,
  'element-required': true,
  element: {
    type: 'struct',
    fields: ['code', 'column', 'rule'].map((name, index) => ({ id: last + 2 + index, ...text(name) })),
  },
});

export function curatedField(column: Column): Unnumbered {
  return {
    name: column.name,
    type: column.pii === undefined ? icebergType(column.type) : 'string',
    required: false,
    ...(column.description === undefined ? {} : { doc: column.description }),
  };
}

/** A table that has rows can't get these columns, nor lose them: they are required. */
function historyFields(dataset: Dataset): readonly Unnumbered[] {
  const { history, dedupe, columns } = dataset;
  if (history === undefined) return [];
  const time = columns.find(({ name }) => name === dedupe?.orderBy);
  const type = time === undefined ? 'date' : icebergType(time.type);
  const last = columns.filter((column) => !isDropped(column)).length + origin.length + 4;
  const item = [{ name: 'effective_from', type, required: false }, ...origin.slice(0, 2)];
  return [
    { name: history.effectiveFrom, type, required: true, doc: 'the version holds from here' },
    {
      name: history.effectiveTo,
      type,
      required: false,
      doc: 'up to but not including; null: it still holds',
    },
    { name: history.current, type: 'boolean', required: true, doc: 'the newest version of its key' },
    {
      name: CONFIRMATIONS,
      required: false,
      doc: 'later rows that said the same',
      type: {
        type: 'list',
        'element-id': last + 1,
        'element-required': true,
        element: {
          type: 'struct',
          fields: item.map((field, index) => ({ ...field, id: last + 2 + index, required: false })),
        },
      },
    },
  ];
}

/** Column of a history: rows after the first of a version that hold the same. A late row in between makes versions of them. */
export const CONFIRMATIONS = '_confirmations';

function icebergType(type: ColumnType): FieldType {
  switch (type.kind) {
    case 'string':
    case 'json':
      return 'string';
    case 'integer':
      return type.bits === 32 ? 'int' : 'long';
    case 'decimal':
      return `decimal(${type.precision}, ${type.scale})`;
    case 'double':
    case 'boolean':
    case 'date':
    case 'timestamp':
      return type.kind;
  }
}
