import type { Column, Dataset } from '../contract/dataset.ts';
import type { FileProfile } from '../formats/profile.ts';

/** For each field of the file in order the column that it feeds, null where the contract ignores it. */
export type HeaderMatch =
  | { readonly kind: 'match'; readonly fields: readonly (string | null)[] }
  | { readonly kind: 'refusal'; readonly message: string };

/** Holds the names in a file, or the number of its fields, against the contract's columns and its policy on drift. */
export function matchHeader(dataset: Dataset, profile: Pick<FileProfile, 'header' | 'width'>): HeaderMatch {
  if (profile.header === undefined) return byPosition(dataset, profile.width ?? 0);
  const names = profile.header.map((name) => name.replace(/^\uFEFF/, '').trim());
  const fields = names.map((name) => columnNamed(dataset.columns, name)?.name ?? null);
  const problems = differences(dataset, names, fields);
  return problems.length === 0 ? { kind: 'match', fields } : refusal(dataset, problems);
}

function byPosition(dataset: Dataset, width: number): HeaderMatch {
  const { columns } = dataset;
  if (width === columns.length) return { kind: 'match', fields: columns.map(({ name }) => name) };
  return refusal(dataset, [
    `the first record has ${width} fields, the contract has ${columns.length} columns`,
  ]);
}

const columnNamed = (columns: readonly Column[], name: string): Column | undefined =>
  columns.find((column) => column.name === name) ??
  columns.find((column) => column.sourceNames.includes(name));

function differences(
  dataset: Dataset,
  names: readonly string[],
  fields: readonly (string | null)[],
): readonly string[] {
  const { columns, drift, format } = dataset;
  const keyed = format.kind === 'json' || format.kind === 'jsonl';
  const found = fields.filter((field) => field !== null);
  const sameName = repeatedIn(names.filter((name) => name !== ''));
  // Two names of the source may also feed one column.
  const repeated = sameName.length > 0 ? sameName : repeatedIn(found);
  const blank = names.flatMap((name, index) => (name === '' ? [`field ${index + 1}`] : []));
  const added = names.filter((name, index) => name !== '' && fields[index] === null);
  const missing = columns.filter(({ name }) => !found.includes(name));
  // Fail closed: personal data that is not there is never taken for protected (DESIGN promise 5).
  const lacking = missing
    .filter(({ required, pii }) => required || pii !== undefined || drift.missingColumn === 'reject')
    .map(({ name }) => name);
  const agreed = columns.map(({ name }) => name).filter((name) => found.includes(name));
  const list = (what: string, items: readonly string[]) =>
    items.length === 0 ? [] : [`${what}: ${named([...new Set(items)])}`];
  return [
    ...list('missing', keyed ? [] : lacking),
    ...list('not in the contract', drift.addedColumn === 'reject' ? added : []),
    ...list('more than once', repeated),
    ...list('without a name', blank),
    ...(drift.reordered === 'reject' && agreed.join() !== found.join()
      ? ['the columns stand in another order']
      : []),
  ];
}

/** Names that somebody else chose may be many and long; the message stays one that a person reads. */
const NAMED = 20;
const NAME_CHARACTERS = 100;

const named = (items: readonly string[]): string => {
  const shown = items
    .slice(0, NAMED)
    .map((item) => (item.length > NAME_CHARACTERS ? `${item.slice(0, NAME_CHARACTERS)}…` : item));
  return `${shown.join(', ')}${items.length > NAMED ? ` and ${items.length - NAMED} more` : ''}`;
};

const repeatedIn = (names: readonly string[]): readonly string[] =>
  names.filter((name, index) => names.indexOf(name) !== index);

const refusal = (dataset: Dataset, problems: readonly string[]): HeaderMatch => ({
  kind: 'refusal',
  message: `columns differ from ${dataset.contract.file}: ${problems.join('; ')}; expected ${dataset.columns.map(({ name }) => name).join(', ')}: send the agreed columns, or declare sourceNames or drift in the contract`,
});
