import type { Entity } from '../contract/entity.ts';
import { curatedField, numbered } from '../plan/tables.ts';
import type { TableName } from '../ports/catalog.ts';
import { classesOf, classOfColumn, highest } from '../privacy/classes.ts';
import { isDropped } from '../privacy/protection.ts';
import type { Field, FieldType } from '../table/schema.ts';

/** Tables of an entity in the order in which a run commits them: what readers trust comes last. */
export const MATCH_TABLES = ['events', 'review', 'xref', 'golden'] as const;
export type MatchTable = (typeof MATCH_TABLES)[number];

export const matchTable = (
  { domain, name }: Pick<Entity, 'domain' | 'name'>,
  table: MatchTable,
): TableName => ({
  database: domain,
  name: table === 'golden' ? name : `${name}_${table}`,
});

/** Fields that have a column: those of `pii.action: drop` have none. */
export const keptFields = ({ fields }: Entity) => fields.filter((field) => !isDropped(field));

const text = (name: string, doc?: string) => column(name, 'string', doc);
const column = (name: string, type: FieldType, doc?: string) => ({
  name,
  type,
  required: false,
  ...(doc === undefined ? {} : { doc }),
});
const runId = text('_run_id', 'the run of headgate match that wrote the row');

export function matchSchema(entity: Entity, table: MatchTable): readonly Field[] {
  switch (table) {
    case 'golden':
      return numbered([
        { ...text(entity.id), required: true },
        ...keptFields(entity).map(curatedField),
        column('_records', 'long', `records in ${entity.name}_xref`),
        runId,
      ]);
    case 'xref':
      return numbered([
        text('source', 'dataset of the record'),
        text('source_id', 'its key there; parts of several columns are joined by |'),
        text(entity.id),
        column('match_weight', 'double', 'log2 of the odds of its strongest link within the cluster'),
        text('matched_by', 'weight, review (a person) or nothing (the only record)'),
        runId,
      ]);
    case 'events':
      return numbered([
        text('event', 'created, merged, split, moved, ended'),
        text(entity.id),
        text('other_id', 'the id that the records had before'),
        column('records', 'long'),
        column('at', 'timestamp'),
        column('position', 'long', 'order within the run'),
        runId,
      ]);
    case 'review':
      return numbered([
        text('review_id'),
        text('state', 'open, accepted, rejected'),
        text('left_source'),
        text('left_id'),
        text('right_source'),
        text('right_id'),
        column('match_weight', 'double'),
        column('match_probability', 'double'),
        text('evidence', 'how each compared column agrees'),
        text('decided_by'),
        runId,
      ]);
  }
}

/** Columns whose bounds stand in no metadata. */
export const classifiedOf = (entity: Entity, table: MatchTable): readonly string[] =>
  table === 'golden' ? entity.fields.filter(({ pii }) => pii !== undefined).map(({ name }) => name) : [];

/** Class of each column that holds values of the contract's columns, or of the keys of the sources. */
export function classesOfMatch(entity: Entity, table: MatchTable): ReadonlyMap<string, string> {
  const { id, classification } = entity;
  const keys = entity.sources.flatMap(({ dataset, id: names }) =>
    dataset.columns.filter(({ name }) => names.includes(name)).map(classOfColumn),
  );
  switch (table) {
    case 'golden':
      return new Map([[id, classification], ...classesOf(entity.fields)]);
    case 'xref':
      return new Map([
        [id, classification],
        ['source_id', highest(keys)],
      ]);
    case 'events':
      return new Map([
        [id, classification],
        ['other_id', classification],
      ]);
    case 'review':
      return new Map(['left_id', 'right_id'].map((name) => [name, highest(keys)]));
  }
}
