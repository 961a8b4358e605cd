import { CLASSIFICATIONS } from '../contract/classifications.ts';
import type { Column } from '../contract/dataset.ts';

/** Class of what a contract does not classify, and of columns that are ours. */
export const UNCLASSIFIED = 'public';
/** From here on a contract must say how values are protected; so what is personal is at least this. */
const PROTECTED = 'restricted';

/** Key of the tag that holds a column's class, in a stage. */
export const classificationTag = (stage: string): string => `headgate-${stage}-classification`;

/** Classes up to this one, from harmless to dangerous. */
export const upTo = (highest: (typeof CLASSIFICATIONS)[number]): readonly string[] =>
  CLASSIFICATIONS.slice(0, CLASSIFICATIONS.indexOf(highest) + 1);

const rankOf = (value: string): number => (CLASSIFICATIONS as readonly string[]).indexOf(value);

/** The most dangerous of several. */
export const highest = (classes: readonly string[]): string =>
  classes.reduce((one, other) => (rankOf(other) > rankOf(one) ? other : one), UNCLASSIFIED);

export const classOfColumn = ({ classification, pii }: Column): string =>
  pii !== undefined && rankOf(classification) < rankOf(PROTECTED) ? PROTECTED : classification;

export const classesOf = (columns: readonly Column[]): ReadonlyMap<string, string> =>
  new Map(columns.map((column) => [column.name, classOfColumn(column)]));

export interface ClassChanges {
  /** Columns by the class that they are given. */
  readonly assign: ReadonlyMap<string, readonly string[]>;
  /** Columns by the class that is taken from them. */
  readonly remove: ReadonlyMap<string, readonly string[]>;
}

/**
 * What has to change so that a table has the classes that are wanted, by column. One that the table has and nobody describes any more keeps its class:
 * its old values are what they were.
 */
export function classChanges(
  wanted: ReadonlyMap<string, string>,
  {
    columns,
    classes,
  }: { readonly columns: readonly string[]; readonly classes: ReadonlyMap<string, string> },
): ClassChanges {
  const known = columns.filter(
    (name) => wanted.has(name) && wanted.get(name) !== (classes.get(name) ?? UNCLASSIFIED),
  );
  const [free, classified] = [
    known.filter((name) => wanted.get(name) === UNCLASSIFIED),
    known.filter((name) => wanted.get(name) !== UNCLASSIFIED),
  ];
  return {
    assign: Map.groupBy(classified, (name) => wanted.get(name) ?? PROTECTED),
    remove: Map.groupBy(free, (name) => classes.get(name) ?? PROTECTED),
  };
}
