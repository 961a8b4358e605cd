import type { ColumnFacts } from '../../ports/profiler.ts';
import type { FileFormat } from '../dataset.ts';
import type { NamedColumn, Place } from './names.ts';
import { counted, evidence, type Note, unsure } from './notes.ts';
import { type Personal, personalOf } from './personal.ts';
import { type ProposedType, typeOf } from './types.ts';

/** What the samples are, as far as it is known before any value is typed. */
export interface Samples {
  readonly place: Place;
  readonly format: FileFormat;
  readonly files: number;
  readonly records: number;
  readonly malformed: number;
  readonly columns: readonly SampledColumn[];
  readonly notes: readonly Note[];
}

export type SampledColumn = NamedColumn & ColumnFacts;

/** What holding a proposal against every row has taught. */
export interface Lessons {
  /** Texts of a column that an earlier proposal did not take. */
  readonly examples: ReadonlyMap<string, readonly string[]>;
  /** Columns whose likely type some values only look like, with the number of their rows. */
  readonly texts: ReadonlyMap<string, number>;
  /** Checks that some row fails. */
  readonly dropped: ReadonlySet<string>;
  /** Columns that together name a row. */
  readonly key: readonly string[];
  /** Rows that repeat an earlier one, where no key is known. */
  readonly repeated: number;
  /** Columns that would be a key by their names, with the number of rows that repeat a value. */
  readonly nearKeys: ReadonlyMap<string, number>;
}

export const NO_LESSONS: Lessons = {
  examples: new Map(),
  texts: new Map(),
  dropped: new Set(),
  key: [],
  repeated: 0,
  nearKeys: new Map(),
};

export interface ProposedColumn {
  readonly name: string;
  readonly sourceNames: readonly string[];
  readonly type: ProposedType;
  readonly required: boolean;
  readonly trim: boolean;
  readonly personal?: Personal;
  readonly validValues?: readonly string[];
  readonly keyPosition?: number;
  readonly notes: readonly Note[];
}

export interface Feed {
  readonly place: Place;
  readonly format: FileFormat;
  /** Some files lack some columns. */
  readonly drifts: boolean;
  readonly maxRejectPercent?: number;
  readonly rowsExpected: boolean;
  readonly columns: readonly ProposedColumn[];
  readonly head: readonly Note[];
  readonly notes: readonly Note[];
}

const DEFAULT_REJECTS = 5;

/** A contract for the feed that the samples are of; says of everything why. */
export function feedOf(samples: Samples, lessons: Lessons): Feed {
  const { records, malformed, files } = samples;
  const share = (100 * malformed) / Math.max(records + malformed, 1);
  const notes = [...samples.notes];
  if (malformed > 0)
    notes.push(
      unsure(
        `${counted(malformed)} of ${counted(records + malformed)} records do not have the fields of the header; they will be quarantined as record.malformed`,
      ),
    );
  if (lessons.repeated > 0)
    notes.push(
      unsure(
        `${counted(lessons.repeated)} rows repeat an earlier row exactly; if that is a mistake: dedupe: { keys: ['*'] }`,
      ),
    );
  if (records < FEW_ROWS)
    notes.push(
      unsure(
        `${counted(records)} rows say little about types, keys and what is always there; propose again with more`,
      ),
    );
  const columns = samples.columns.map((column) => columnOf(column, samples, lessons));
  const drifts = samples.columns.some((column) => !isEverywhere(column, samples));
  return {
    place: samples.place,
    format: samples.format,
    drifts: drifts && samples.format.kind !== 'json' && samples.format.kind !== 'jsonl',
    ...(share > DEFAULT_REJECTS ? { maxRejectPercent: Math.ceil(share) } : {}),
    rowsExpected: records > 0,
    columns,
    head: [
      evidence(
        `Proposed by headgate contract init from ${counted(files)} ${files === 1 ? 'file' : 'files'} with ${counted(records + malformed)} records, all of them read.`,
      ),
      evidence('Every row of them passes. Decide what is marked UNSURE, then set status and version.'),
    ],
    notes,
  };
}

const isEverywhere = (column: SampledColumn, { files }: Samples): boolean => column.files.length === files;

/** Fewer rows say little about whether a value is always there. */
const FEW_ROWS = 30;

function columnOf(column: SampledColumn, samples: Samples, lessons: Lessons): ProposedColumn {
  const { name, filled, padded } = column;
  const texts = [
    ...new Set([...column.sample, ...(lessons.examples.get(name) ?? [])].map((text) => text.trim())),
  ].filter((text) => text !== '');
  const misfits = lessons.texts.get(name);
  const likely = typeOf(name, texts);
  const found = misfits === undefined ? likely : asText(likely, misfits);
  const type = withMinimum(found, column, texts, lessons);
  const required =
    filled > 0 &&
    filled === samples.records &&
    isEverywhere(column, samples) &&
    type.nullTokens === undefined &&
    !lessons.dropped.has(`${name}.required`);
  const personal = personalOf([name], texts);
  const guarded = personal !== undefined && mayBePersonal(column, samples);
  const validValues = personal === undefined ? listOf(column, type, samples, lessons) : undefined;
  const position = lessons.key.indexOf(name) + 1;
  return {
    name,
    sourceNames: column.sourceNames,
    type,
    required,
    trim: padded > 0,
    ...(guarded ? { personal } : {}),
    ...(validValues === undefined ? {} : { validValues }),
    ...(position > 0 ? { keyPosition: position } : {}),
    notes: [
      ...factsOf(column, samples),
      ...type.notes,
      ...aboutPerson(personal, guarded),
      ...aboutNearKey(lessons.nearKeys.get(name)),
    ],
  };
}

const asText = ({ logicalType }: ProposedType, misfits: number): ProposedType => ({
  logicalType: 'string',
  notes: [
    unsure(
      `looks like ${logicalType}, but ${counted(misfits)} rows hold none: kept as text; with a type those rows would be quarantined`,
    ),
  ],
});

/** A file that lacks a personal column is refused whatever the drift policy says; JSON has no header to lack it. */
const mayBePersonal = (column: SampledColumn, samples: Samples): boolean =>
  isEverywhere(column, samples) || samples.format.kind === 'json' || samples.format.kind === 'jsonl';

const aboutNearKey = (repeats: number | undefined): readonly Note[] =>
  repeats === undefined
    ? []
    : [
        unsure(
          `nearly a key: ${counted(repeats)} rows repeat a value; if they replace the row before: writeMode: merge with dedupe.keys`,
        ),
      ];

function aboutPerson(personal: Personal | undefined, guarded: boolean): readonly Note[] {
  if (personal === undefined) return [];
  const note = `likely personal (${personal.pii.kind}, ${personal.because})`;
  if (!guarded)
    return [
      unsure(
        `${note}, but some files lack the column and a file without a personal column is refused: decide before anything is published`,
      ),
    ];
  return [personal.isSure ? evidence(note) : unsure(note)];
}

function factsOf(column: SampledColumn, samples: Samples): readonly Note[] {
  const { filled, distinct, padded, longest, files } = column;
  const parts = [`${counted(filled)} of ${counted(samples.records)} rows have a value`];
  if (filled > 0)
    parts.push(
      `about ${counted(Math.min(distinct, filled))} different`,
      `at most ${counted(longest)} characters`,
    );
  if (padded > 0) parts.push(`${counted(padded)} with blanks around them`);
  if (!isEverywhere(column, samples))
    parts.push(`in ${counted(files.length)} of ${counted(samples.files)} files`);
  const notes = [evidence(parts.join(', '))];
  if (column.guessed === true)
    notes.push(
      unsure(
        'these names never stand in one file and one begins with the other, so they were taken for one column',
      ),
    );
  return notes;
}

const NEVER_NEGATIVE =
  /(^|_)(price|qty|quantity|count|age|duration|energy|weight|size|deaths|confirmed|recovered|clicks|impressions)($|_)/;

function withMinimum(
  type: ProposedType,
  column: SampledColumn,
  texts: readonly string[],
  { dropped }: Lessons,
): ProposedType {
  const isNumber = type.logicalType === 'integer' || type.logicalType === 'number';
  const fits = isNumber && NEVER_NEGATIVE.test(column.name) && column.filled >= FEW_ROWS;
  if (!fits || dropped.has(`${column.name}.range`) || texts.some((text) => text.startsWith('-'))) return type;
  return {
    ...type,
    options: { ...type.options, minimum: 0 },
    notes: [...type.notes, evidence('never below zero')],
  };
}

const MOST_LISTED = 20;
const LEAST_ROWS = 100;
const LEAST_ROWS_A_VALUE = 10;

/** A text column with few values that come again and again; a new one warns, because the samples may not have them all. */
function listOf(
  column: SampledColumn,
  type: ProposedType,
  { records }: Samples,
  { dropped }: Lessons,
): readonly string[] | undefined {
  const { values, filled, name } = column;
  if (type.logicalType !== 'string' || type.options !== undefined || values === undefined) return undefined;
  if (values.length < 1 || values.length > MOST_LISTED || records < LEAST_ROWS) return undefined;
  if (filled < values.length * LEAST_ROWS_A_VALUE || dropped.has(`${name}.invalidValues`)) return undefined;
  const words = type.nullTokens ?? [];
  return [...new Set(values.map(({ text }) => text.trim()))].filter((text) => !words.includes(text)).sort();
}

const KEY_NAMES = /(^|_)(id|key|uuid|guid|no|nr|number|code|ref)$/;
const PART_NAMES = /(^|_)(id|key|uuid|no|nr|number|code|ref|date|day|line|seq|position)($|_)/;
const MOST_PARTS = 6;

/**
 * Of `records` rows over `combinations` equally likely ones about records² / (2 combinations) pairs are equal by chance: only where that
 * is many does their absence say something.
 */
const isNoChance = (records: number, combinations: number): boolean =>
  combinations >= records && records ** 2 / (2 * combinations) >= LEAST_CHANCE_PAIRS;

const LEAST_CHANCE_PAIRS = 10;

/** Sets of columns that may name a row, the most likely first. Whether they do is asked of all rows. */
export function keyCandidates(feed: Feed, samples: Samples): readonly (readonly string[])[] {
  const { records } = samples;
  if (records < 2) return [];
  const facts = new Map(samples.columns.map((column) => [column.name, column]));
  const usable = feed.columns.filter(
    ({ required, personal, type }) =>
      required &&
      personal === undefined &&
      ['string', 'integer', 'date', 'timestamp'].includes(type.logicalType),
  );
  const distinct = (name: string) => facts.get(name)?.distinct ?? 0;
  const alone = usable.filter(
    ({ name, type }, index) =>
      (type.logicalType === 'string' || type.logicalType === 'integer') &&
      distinct(name) >= records * 0.9 &&
      (KEY_NAMES.test(name) || (index === 0 && records >= LEAST_ROWS)),
  );
  const own = (name: string) => (name === 'id' || name === `${feed.place.name.replace(/s$/, '')}_id` ? 0 : 1);
  const singles = alone.map(({ name }) => name).sort((a, b) => own(a) - own(b));
  const parts = usable
    .map(({ name }) => name)
    .filter((name) => PART_NAMES.test(name))
    .slice(0, MOST_PARTS);
  const pairs = parts.flatMap((first, index) => parts.slice(index + 1).map((second) => [first, second]));
  return [
    ...singles.map((name) => [name]),
    ...pairs.filter(([first = '', second = '']) => isNoChance(records, distinct(first) * distinct(second))),
  ];
}
