import type { Place } from './columns.ts';
import type { Column, CsvFormat, FileFormat, Nesting } from './dataset.ts';
import * as schema from './ingestion-schema.ts';
import type { Path, Problem } from './problems.ts';
import { named } from './sources.ts';

export interface PlacedColumn {
  readonly column: Column;
  readonly place: Place;
}

type Ingestion = schema.Ingestion;
type SourceOfRows = Ingestion['alsoFrom'][number];
/** The part of a dataset's description, or of another source's, that says how its files are read. */
type Reading = Pick<Ingestion, 'format' | 'json' | 'avro' | 'xml' | 'xlsx'> & {
  readonly csv?: SourceOfRows['csv'] | Ingestion['csv'];
  readonly fixedWidth?: Ingestion['fixedWidth'];
};

/** What the readers in `lib/formats` need to know, from the dialect of the contract and the places of its columns. */
export function formatOf(ingestion: Reading, columns: readonly PlacedColumn[]): FileFormat {
  const { format } = ingestion;
  switch (format) {
    case 'csv':
      return csvFormat({ nullTokens: [], ...(ingestion.csv ?? schema.csv.parse({})) });
    case 'json':
    case 'jsonl': {
      const { records, rows } = ingestion.json ?? {};
      const nesting = nestingOf(columns, rows);
      const isNested = nesting.paths.length > 0 || rows !== undefined;
      return {
        kind: format,
        ...(isNested || records !== undefined ? { nesting } : {}),
        ...(records === undefined ? {} : { records }),
      };
    }
    case 'parquet':
      return { kind: format };
    case 'avro':
      return { kind: format, nesting: nestingOf(columns, ingestion.avro?.rows) };
    case 'xml':
      return xmlFormat(ingestion.xml ?? schema.xml.parse({ record: '-' }), columns);
    case 'xlsx':
      return {
        kind: format,
        ...(ingestion.xlsx ?? schema.xlsx.parse({})),
        dates: namesOf(columns, ({ column }) => column.type.kind === 'date'),
        timestamps: namesOf(columns, ({ column }) => column.type.kind === 'timestamp'),
      };
    case 'fixedWidth':
      return {
        kind: format,
        ...(ingestion.fixedWidth ?? schema.fixedWidth.parse({})),
        fields: columns
          .flatMap(({ column: { name }, place: { position } }) =>
            position === undefined ? [] : [{ name, ...position }],
          )
          .sort((a, b) => a.start - b.start),
      };
  }
}

function csvFormat({
  nullTokens: _nullTokens,
  trailer,
  escape,
  ...rest
}: NonNullable<Ingestion['csv']>): CsvFormat {
  const base: Omit<CsvFormat, 'trailer'> = { kind: 'csv', ...rest, escape: escape ?? rest.quote };
  if (trailer === undefined) return base;
  const { sum, ...counted } = trailer;
  return { ...base, trailer: sum === undefined ? counted : { ...counted, sum } };
}

function xmlFormat(
  { record, rows, namespaces }: NonNullable<Ingestion['xml']>,
  columns: readonly PlacedColumn[],
): FileFormat {
  const isJson = ({ column }: PlacedColumn) => column.type.kind === 'json';
  return {
    kind: 'xml',
    record,
    nesting: nestingOf(columns, rows),
    namespaces: Object.fromEntries(Object.entries(namespaces).map(([prefix, uri]) => [uri, prefix])),
    objects: namesOf(columns, (each) => isJson(each) && !each.place.isList),
    lists: namesOf(columns, (each) => isJson(each) && each.place.isList),
  };
}

const nestingOf = (columns: readonly PlacedColumn[], rows: string | undefined): Nesting => ({
  paths: columns.flatMap(({ place: { path } }) => (path?.includes('/') ? [path] : [])),
  ...(rows === undefined ? {} : { rows }),
});

const namesOf = (
  columns: readonly PlacedColumn[],
  which: (column: PlacedColumn) => boolean,
): readonly string[] => columns.filter(which).flatMap(({ column }) => [column.name, ...column.sourceNames]);

/** The columns as another source names them. */
export const placedIn = (
  { format, names }: SourceOfRows,
  columns: readonly PlacedColumn[],
): readonly PlacedColumn[] =>
  columns.map(({ column, place: { isList } }) => {
    const name = names[column.name];
    const path = name !== undefined && NESTED.includes(format) ? { path: name } : {};
    return { column: named(column, name), place: { isList, ...path } };
  });

/** What is wrong with the other sources of a dataset: names of no column, one name for two, dialects of another format, a place that is taken. */
export function sourceProblems(
  ingestion: Ingestion,
  columns: readonly PlacedColumn[],
  path: Path,
): readonly Problem[] {
  const at = [...path, 'customProperties'];
  const names = columns.map(({ column }) => column.name);
  const landings = [ingestion, ...ingestion.alsoFrom].map(({ landing }) => landing);
  return ingestion.alsoFrom.flatMap((source, index) => {
    const given = Object.values(source.names);
    const strangers = Object.keys(source.names).filter((name) => !names.includes(name));
    const messages = [
      ...strangers.map((name) => `names: column ${name} does not exist; allowed: ${names.join(', ')}`),
      ...given
        .filter((name, i) => given.indexOf(name) !== i)
        .map((name) => `names: ${name} is the name of two columns`),
      ...(landings.indexOf(source.landing) <= index ? [`landing ${source.landing} is given twice`] : []),
    ].map((message): Problem => ({ path: at, message: `ingestion: alsoFrom ${index + 1}: ${message}` }));
    return [...messages, ...formatProblems(source, placedIn(source, columns), path)];
  });
}

const DIALECTS = ['csv', 'json', 'avro', 'xml', 'xlsx', 'fixedWidth'] as const;
const NESTED: readonly string[] = ['json', 'jsonl', 'avro', 'xml'];

/** Dialects and places that do not belong to the format, or contradict each other. */
export function formatProblems(
  ingestion: Reading,
  columns: readonly PlacedColumn[],
  path: Path,
): readonly Problem[] {
  const { format } = ingestion;
  const problems: Problem[] = [];
  const at = [...path, 'customProperties'];
  const complain = (message: string) => problems.push({ path: at, message: `ingestion: ${message}` });
  const own = format === 'jsonl' ? 'json' : format;
  for (const dialect of DIALECTS)
    if (ingestion[dialect] !== undefined && dialect !== own)
      complain(`${dialect} is given, but format is ${format}`);
  if (format === 'xml' && ingestion.xml === undefined)
    complain('format xml needs xml: { record: path of the element that is a record }');
  if (format === 'jsonl' && ingestion.json?.records !== undefined)
    complain('json.records belongs to format json; with jsonl each line is a record');
  const paths = columns.flatMap(({ place: { path: one } }) => (one === undefined ? [] : [one]));
  if (paths.length > 0 && !NESTED.includes(format))
    complain(`path is given, but format ${format} is not nested; allowed with ${NESTED.join(', ')}`);
  if (NESTED.includes(format)) {
    for (const one of paths) {
      const below = format === 'xml' ? undefined : paths.find((other) => other.startsWith(`${one}/`));
      if (below !== undefined && one !== ingestion[own as 'json' | 'avro']?.rows)
        complain(`path ${one} is a value of one column and holds ${below} of another`);
      if (paths.indexOf(one) !== paths.lastIndexOf(one)) complain(`two columns have the path ${one}`);
    }
  }
  for (const problem of positionProblems(format, columns)) complain(problem);
  return problems;
}

function positionProblems(format: string, columns: readonly PlacedColumn[]): readonly string[] {
  if (format !== 'fixedWidth')
    return columns.flatMap(({ column, place }) =>
      place.position === undefined ? [] : [`${column.name} has a position, but format is ${format}`],
    );
  const lacking = columns.flatMap(({ column, place }) =>
    place.position === undefined ? [`format fixedWidth needs a position for ${column.name}`] : [],
  );
  const sorted = columns
    .flatMap(({ column: { name }, place: { position } }) =>
      position === undefined ? [] : [{ name, ...position }],
    )
    .sort((a, b) => a.start - b.start);
  const overlapping = sorted.flatMap((field, index) => {
    const before = sorted[index - 1];
    return before !== undefined && before.start + before.length > field.start
      ? [`the positions of ${before.name} and ${field.name} overlap`]
      : [];
  });
  return [...lacking, ...overlapping];
}
