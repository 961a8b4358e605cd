import type { Column, Dataset } from '../contract/dataset.ts';
import { driftName, takesDrift } from '../contract/drift.ts';
import type { FileProfile } from '../formats/file-profile.ts';

/** For each field of the file in order the column that it feeds, null where the contract ignores it. */
export type HeaderMatch =
  | { readonly kind: 'match'; readonly fields: readonly (string | null)[] }
  | { readonly kind: 'refusal'; readonly message: string };

/** Holds the names in a file, or the number of its fields, against the contract's columns and its policy on drift. */
export function matchHeader(
  dataset: Dataset,
  profile: Pick<FileProfile, 'header' | 'width'> & Partial<Pick<FileProfile, 'records'>>,
): HeaderMatch {
  if (profile.header === undefined) return byPosition(dataset, profile.width ?? 0);
  const names = profile.header.map((name) => name.replace(/^\uFEFF/, '').trim());
  const known = names.map((name) => columnNamed(dataset.columns, name)?.name ?? null);
  const drifted = known.map((column, index) =>
    column === null && takesDrift(dataset) ? driftName(names[index] ?? '') : undefined,
  );
  const fields = known.map((column, index) => column ?? drifted[index] ?? null);
  // An object lacks a key where it means null; no object of a file may lack it always. A file without objects lacks nothing.
  const isKeyed = dataset.format.kind === 'json' || dataset.format.kind === 'jsonl';
  const problems =
    isKeyed && profile.records === 0
      ? []
      : [...differences(dataset, names, known), ...driftProblems(dataset, names, known, drifted)];
  if (problems.length === 0) return { kind: 'match', fields };
  return refusal(dataset, [...problems, ...otherDelimiter(dataset, names)]);
}

/** More at once is no drift but another file. */
const MOST_ADDED = 50;

/** New columns that can't be added: without a name of their own, or too many. */
function driftProblems(
  dataset: Dataset,
  names: readonly string[],
  known: readonly (string | null)[],
  drifted: readonly (string | undefined)[],
): readonly string[] {
  const added = names.filter((name, index) => name !== '' && known[index] === null);
  if (!takesDrift(dataset) || added.length === 0 || known.every((column) => column === null)) return [];
  if (added.length > MOST_ADDED)
    return [`${added.length} columns that are not in the contract; at most ${MOST_ADDED} are taken in`];
  const taken = [
    ...dataset.columns.flatMap(({ name, formerNames }) => [name, ...formerNames]),
    ...Object.values(dataset.history ?? {}),
  ];
  const given = drifted.filter((name) => name !== undefined);
  const nameless = names.filter((name, index) => {
    const own = drifted[index];
    if (name === '' || known[index] !== null) return false;
    return own === undefined || taken.includes(own) || given.indexOf(own) !== given.lastIndexOf(own);
  });
  return named('not in the contract, and no column can be named after it', nameless, dataset, known);
}

const DELIMITERS = { ',': 'commas', ';': 'semicolons', '\t': 'tabs', '|': 'bars' } as const;

/** One name that holds several of the agreed ones is a header in another dialect. */
function otherDelimiter(
  { columns, format }: Dataset,
  [name = '', ...others]: readonly string[],
): readonly string[] {
  if (format.kind !== 'csv' || others.length > 0 || columns.length < 2) return [];
  const found = Object.entries(DELIMITERS).find(
    ([sign]) => name.split(sign).filter((part) => columnNamed(columns, part.trim()) !== undefined).length > 1,
  );
  return found === undefined
    ? []
    : [
        `the names stand between ${found[1]}, the contract says delimiter ${JSON.stringify(format.delimiter)}`,
      ];
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
  const keyed = format.kind === 'json' || format.kind === 'jsonl' || format.kind === 'xml';
  const found = fields.filter((field) => field !== null);
  const sameName = repeatedIn(names.filter((name) => name !== ''));
  // Two names of the source may also feed one column.
  const repeated = sameName.length > 0 ? sameName : repeatedIn(found);
  const blank = names.flatMap((name, index) => (name === '' ? [`field ${index + 1}`] : []));
  const added = names.filter((name, index) => name !== '' && fields[index] === null);
  const missing = columns.filter(({ name }) => !found.includes(name));
  // Fail closed: personal data that is not there is never taken for protected (DESIGN promise 5).
  const lacking = missing
    .filter(
      ({ required, pii }) =>
        pii !== undefined || drift.missingColumn === 'reject' || (required && drift.missingColumn === 'null'),
    )
    .map(({ name }) => name);
  // Where no name is known, names may be a person's data, in keys of JSON and elements of XML as in a line: none is shown (`named` hides those of a
  // line only), and one sentence says what is wrong instead.
  const unsafe = found.length === 0 && columns.some(({ pii }) => pii !== undefined);
  const personal = missing.filter(({ pii }) => pii !== undefined).map(({ name }) => name);
  const agreed = columns.map(({ name }) => name).filter((name) => found.includes(name));
  return [
    ...list('missing', keyed ? personal : lacking),
    ...(unsafe ? ['none of its names is an agreed one, as if the header were missing'] : []),
    ...named('not in the contract', drift.addedColumn === 'reject' && !unsafe ? added : [], dataset, fields),
    ...named('more than once', unsafe ? [] : repeated, dataset, fields),
    ...list('without a name', blank),
    ...(drift.reordered === 'reject' && agreed.join() !== found.join()
      ? ['the columns stand in another order']
      : []),
  ];
}

/**
 * Names of the file in a message. A first line of which few names are agreed ones may be a row, and messages show no value of a row (DESIGN
 * section 6): then only their number. Formats whose records or schema carry names show them.
 */
function named(
  what: string,
  names: readonly string[],
  { columns, format }: Dataset,
  fields: readonly (string | null)[],
): readonly string[] {
  const agreed = new Set(fields.filter((field) => field !== null)).size;
  const isLine = format.kind === 'csv' || format.kind === 'xlsx';
  if (names.length === 0 || !isLine || agreed * 2 >= columns.length) return list(what, names);
  return [`${what}: ${names.length} names, not shown because the line may be a row and not the header`];
}

/** Names enough to act on; a header of thousands would not fit into a message. */
const NAMES_SHOWN = 30;
const SIGNS_SHOWN = 100;

function list(what: string, items: readonly string[]): readonly string[] {
  const names = [...new Set(items)];
  const shown = names.slice(0, NAMES_SHOWN).map((name) => name.slice(0, SIGNS_SHOWN));
  const more = names.length > shown.length ? ` and ${names.length - shown.length} more` : '';
  return names.length === 0 ? [] : [`${what}: ${shown.join(', ')}${more}`];
}

const repeatedIn = (names: readonly string[]): readonly string[] =>
  names.filter((name, index) => names.indexOf(name) !== index);

const refusal = (dataset: Dataset, problems: readonly string[]): HeaderMatch => ({
  kind: 'refusal',
  message: `columns differ from ${dataset.contract.file}: ${problems.join('; ')}; expected ${dataset.columns.map(({ name }) => name).join(', ')}: send the agreed columns, or declare sourceNames or drift in the contract`,
});
