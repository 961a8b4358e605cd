import type { Column, Dataset } from './dataset.ts';
import { compileLandingPattern } from './landing-pattern.ts';

/** The dataset as each of its sources sends it: landing pattern, format and names of columns differ, nothing else. The first is its own. */
export const sources = (dataset: Dataset): readonly Dataset[] => [
  dataset,
  ...dataset.alsoFrom.map(
    ({ landing, format, names }): Dataset => ({
      ...dataset,
      landing,
      format,
      columns: dataset.columns.map((column) => named(column, names[column.name])),
    }),
  ),
];

/** The dataset as the source sends it whose landing pattern the key matches; its own where none does, as in a folder laid out otherwise. */
export const asSent = (dataset: Dataset, key: string): Dataset =>
  dataset.alsoFrom.length === 0
    ? dataset
    : (sources(dataset).find(({ landing }) => compileLandingPattern(landing).match(key) !== undefined) ??
      dataset);

/** A column under the name that a source gives it, and all others that it has. */
export const named = (column: Column, name: string | undefined): Column =>
  name === undefined ? column : { ...column, sourceNames: [name, ...column.sourceNames] };
