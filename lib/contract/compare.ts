import { type Change, changed, type Effect } from './change.ts';
import { compareChecks } from './compare-checks.ts';
import { compareColumns } from './compare-columns.ts';
import { compareEntities } from './compare-entities.ts';
import { type CsvFormat, type Dataset, datasetId, type FileFormat, type Source } from './dataset.ts';
import type { Contract } from './parse.ts';
import { daysKept, retentionOf } from './retention.ts';
import type { Bump } from './version.ts';

/** Every change between two versions of a contract. Nothing in it is a value of a row. */
export function compareContracts(before: Contract, after: Contract): readonly Change[] {
  const changes: Change[] = [];
  if (before.id !== after.id)
    changes.push({
      effect: 'breaking',
      what: 'id',
      from: before.id,
      to: after.id,
      because: 'whoever refers to the contract no longer finds it',
    });
  for (const dataset of before.datasets) {
    const same = after.datasets.find((other) => datasetId(other) === datasetId(dataset));
    if (same === undefined)
      changes.push({
        effect: 'breaking',
        dataset: datasetId(dataset),
        what: 'dataset',
        from: 'there',
        because: 'its files are no longer taken in and its table is no longer filled',
      });
    else changes.push(...compareDatasets(dataset, same));
  }
  for (const dataset of after.datasets)
    if (!before.datasets.some((other) => datasetId(other) === datasetId(dataset)))
      changes.push({
        effect: 'compatible',
        dataset: datasetId(dataset),
        what: 'dataset',
        to: 'there',
        because: 'a new feed',
      });
  changes.push(...compareEntities(before.entities, after.entities));
  const isOther = fingerprints(before) !== fingerprints(after);
  if (changes.length === 0 && isOther)
    changes.push({
      effect: 'documentation',
      what: 'text',
      because: 'only what Headgate does not act on has changed',
    });
  return changes;
}

const fingerprints = ({ datasets, entities }: Contract): string =>
  [...datasets, ...entities].map(({ contract }) => contract.fingerprint).join();

export function bumpOf(changes: readonly Change[]): Bump {
  if (changes.some(({ effect }) => effect === 'breaking')) return 'major';
  if (changes.some(({ effect }) => effect === 'compatible')) return 'minor';
  return changes.length > 0 ? 'patch' : 'none';
}

function compareDatasets(before: Dataset, after: Dataset): readonly Change[] {
  return [
    ...settings(before, after),
    ...readings(before, after),
    ...compareColumns(before, after),
    ...compareChecks(before, after),
  ].map((change) => ({
    ...change,
    dataset: datasetId(before),
  }));
}

interface Setting {
  readonly what: string;
  readonly value: (dataset: Dataset) => unknown;
  readonly effect: (before: Dataset, after: Dataset) => Effect;
  readonly because: string;
}

const always = (effect: Effect) => (): Effect => effect;
const DIALECT = [
  'delimiter',
  'quote',
  'escape',
  'header',
  'encoding',
  'skipLines',
  'trailer',
] as const satisfies readonly (keyof CsvFormat)[];
const csvOf = ({ format }: Dataset): CsvFormat | undefined => (format.kind === 'csv' ? format : undefined);
/** Each takes in all that those before it take in. */
const POLICIES: { readonly [Name in keyof Dataset['drift']]: readonly Dataset['drift'][Name][] } = {
  addedColumn: ['reject', 'quarantine', 'ignore', 'evolve'],
  missingColumn: ['reject', 'null', 'quarantine'],
  reordered: ['reject', 'accept'],
  retyped: ['reject', 'quarantine', 'evolve'],
};
const policy = (name: keyof Dataset['drift']): Setting => ({
  what: `drift.${name}`,
  value: ({ drift }) => drift[name],
  effect: (before, after) => {
    const place = ({ drift }: Dataset) => (POLICIES[name] as readonly string[]).indexOf(drift[name]);
    return place(after) < place(before) ? 'breaking' : 'compatible';
  },
  because: 'decides which files, rows and values are taken in for their columns',
});

const SETTINGS: readonly Setting[] = [
  {
    what: 'landing',
    value: ({ landing }) => landing,
    effect: always('breaking'),
    because: 'files under the old pattern belong to no feed',
  },
  {
    what: 'format',
    value: ({ format }) => format.kind,
    effect: always('breaking'),
    because: 'files in the old format are refused',
  },
  {
    what: 'alsoFrom',
    value: ({ alsoFrom }) => alsoFrom.map(sentBy),
    effect: (before, after) =>
      before.alsoFrom.every((source) => after.alsoFrom.some((other) => sendsAsBefore(source, other)))
        ? 'compatible'
        : 'breaking',
    because: 'a source that is gone, or read otherwise, has its files refused',
  },
  ...DIALECT.map(
    (name): Setting => ({
      what: `csv.${name}`,
      value: (dataset) => csvOf(dataset)?.[name],
      effect: always('breaking'),
      because: 'files in the old dialect are refused or read otherwise',
    }),
  ),
  {
    what: 'writeMode',
    value: ({ writeMode }) => writeMode,
    effect: always('breaking'),
    because: 'the same files leave other rows in the table',
  },
  {
    what: 'dedupe',
    value: ({ dedupe }) => dedupe,
    effect: always('breaking'),
    because: 'the same files leave other rows in the table',
  },
  {
    what: 'scd2',
    value: ({ history }) => history,
    effect: always('breaking'),
    because: 'readers know the columns of the history by their names',
  },
  {
    what: 'duplicateFile',
    value: ({ duplicateFile }) => duplicateFile,
    effect: always('breaking'),
    because: 'the same bytes sent again are treated otherwise',
  },
  {
    what: 'replaceByEmpty',
    value: ({ replaceByEmpty }) => replaceByEmpty,
    effect: (_before, after) => (after.replaceByEmpty === 'accept' ? 'compatible' : 'breaking'),
    because: 'a file without rows is held',
  },
  policy('addedColumn'),
  policy('missingColumn'),
  policy('reordered'),
  policy('retyped'),
  {
    what: 'maxRejectPercent',
    value: ({ maxRejectPercent }) => maxRejectPercent,
    effect: (before, after) => (after.maxRejectPercent < before.maxRejectPercent ? 'breaking' : 'compatible'),
    because: 'batches with more refused rows are held',
  },
  {
    what: 'qualityScoreAbove',
    value: ({ qualityScoreAbove }) => qualityScoreAbove,
    effect: (before, after) =>
      (after.qualityScoreAbove ?? -1) > (before.qualityScoreAbove ?? -1) ? 'breaking' : 'compatible',
    because: 'batches with a lower quality score are held',
  },
  {
    what: 'raw',
    value: ({ raw }) => raw,
    effect: (_before, after) => (after.raw ? 'compatible' : 'breaking'),
    because: 'the all-text table is filled only while it is on',
  },
  {
    what: 'earlier',
    value: ({ earlier }) => earlier,
    effect: (_before, after) => (after.earlier ? 'compatible' : 'breaking'),
    because: 'earlier rows are kept only while it is on',
  },
  {
    what: 'engine',
    value: ({ engine }) => engine,
    effect: always('documentation'),
    because: 'the same rows on every engine',
  },
  {
    what: 'service levels',
    value: ({ service }) => service.filter(({ property }) => property !== 'retention'),
    effect: always('compatible'),
    because: 'what is promised about arrival and age changes',
  },
  {
    what: 'retention',
    value: retentionOf,
    effect: (before, after) => (daysKept(after) < daysKept(before) ? 'breaking' : 'compatible'),
    because: 'rows past it leave the tables',
  },
  {
    what: 'fileSet',
    value: ({ fileSet }) => fileSet,
    effect: always('breaking'),
    because: 'decides which files wait for which others',
  },
  {
    what: 'arrivals',
    value: ({ arrivals }) => arrivals,
    effect: always('compatible'),
    because: 'other files are due, or at other times',
  },
  {
    what: 'volume',
    value: ({ volume }) => volume,
    effect: (_before, after) => (after.volume?.onAnomaly === 'hold' ? 'breaking' : 'compatible'),
    because: 'decides which batches are held or told of for their number of rows',
  },
  {
    what: 'owner',
    value: ({ about }) => about.owner,
    effect: always('documentation'),
    because: 'who is asked and told',
  },
  {
    what: 'description',
    value: ({ description }) => description,
    effect: always('documentation'),
    because: 'for people',
  },
];

function settings(before: Dataset, after: Dataset): readonly Change[] {
  const sameFormat = before.format.kind === after.format.kind;
  return SETTINGS.flatMap(({ what, value, effect, because }) => {
    if (what.startsWith('csv.') && !sameFormat) return [];
    const change = changed(what, value(before), value(after));
    return change === undefined ? [] : [{ ...change, effect: effect(before, after), because }];
  });
}

/** How files are read beside the dialect of CSV, and beside what follows from names and paths of the columns. */
function readingOf(format: FileFormat): Readonly<Record<string, unknown>> {
  switch (format.kind) {
    case 'csv':
    case 'parquet':
      return {};
    case 'json':
    case 'jsonl':
      return { 'json.records': format.records, 'json.rows': format.nesting?.rows };
    case 'avro':
      return { 'avro.rows': format.nesting.rows };
    case 'xml':
      return {
        'xml.record': format.record,
        'xml.rows': format.nesting.rows,
        'xml.namespaces': format.namespaces,
      };
    case 'xlsx':
      return { 'xlsx.sheet': format.sheet, 'xlsx.headerRow': format.headerRow };
    case 'fixedWidth':
      return {
        'fixedWidth.encoding': format.encoding,
        'fixedWidth.skipLines': format.skipLines,
        ...Object.fromEntries(
          format.fields.map(({ name, start, length }) => [`${name}.position`, { start, length }]),
        ),
      };
  }
}

const sentBy = ({ landing, format, names }: Source) => ({
  landing,
  format: format.kind === 'csv' ? format : { kind: format.kind, ...readingOf(format) },
  names,
});

/** Names of further columns change nothing for the others. */
const sendsAsBefore = (before: Source, after: Source): boolean =>
  JSON.stringify(sentBy({ ...before, names: {} })) === JSON.stringify(sentBy({ ...after, names: {} })) &&
  Object.entries(before.names).every(([column, name]) => after.names[column] === name);

/** Of what both have: columns that come and go are told of by themselves. */
function readings(before: Dataset, after: Dataset): readonly Change[] {
  if (before.format.kind !== after.format.kind) return [];
  const [old, fresh] = [readingOf(before.format), readingOf(after.format)];
  return Object.keys(old).flatMap((what): readonly Change[] => {
    const change = what in fresh ? changed(what, old[what], fresh[what]) : undefined;
    const because = 'the same files are read otherwise, or refused';
    return change === undefined ? [] : [{ ...change, effect: 'breaking', because }];
  });
}
