import { valueProblem } from './bounds.ts';
import { type Change, changed, type Effect } from './change.ts';
import type { Column, ColumnType, Dataset } from './dataset.ts';
import { numberFormatOf } from './number-format.ts';
import { sources } from './sources.ts';
import { typeText } from './widening.ts';

/** Columns added, removed, renamed, moved, and what has changed in those that stay. */
export function compareColumns(before: Dataset, after: Dataset): readonly Change[] {
  const renamed = new Map<string, Column>();
  const gone = before.columns.filter(({ name }) => !named(after, name));
  for (const column of gone) {
    const heir = after.columns.find(
      ({ name, sourceNames }) => !named(before, name) && sourceNames.includes(column.name),
    );
    if (heir !== undefined) renamed.set(column.name, heir);
  }
  const heirs = new Set([...renamed.values()].map(({ name }) => name));
  return [
    ...gone.map((column): Change => {
      const heir = renamed.get(column.name);
      const base = {
        effect: 'breaking',
        what: column.name,
        from: 'there',
        because: 'queries that name the column fail',
      } as const;
      return heir === undefined ? base : { ...base, from: column.name, to: heir.name };
    }),
    ...after.columns
      .filter(({ name }) => !named(before, name) && !heirs.has(name))
      .map((column) => added(column, before, after)),
    ...moved(before, after),
    ...before.columns.flatMap((column) => {
      const same = named(after, column.name) ?? renamed.get(column.name);
      return same === undefined ? [] : inColumn(column, same);
    }),
  ];
}

const named = ({ columns }: Dataset, name: string): Column | undefined =>
  columns.find((column) => column.name === name);

/** A file that was right before lacks the new column: whether it is still taken in decides, from whatever source it comes. */
function added(column: Column, before: Dataset, after: Dataset): Change {
  const base = { what: column.name, to: 'there' };
  if (column.required || column.primaryKey !== undefined)
    return { ...base, effect: 'breaking', because: 'rows without the new column are refused' };
  const because = sources(after)
    .filter(({ landing }) => sources(before).some((old) => old.landing === landing))
    .map((source) => refusalWithout(column, before, source))
    .find((reason) => reason !== undefined);
  return because === undefined
    ? { ...base, effect: 'compatible', because: 'null where files do not have it' }
    : { ...base, effect: 'breaking', because };
}

/** Why files of a source that lack a new column are refused, by `lib/intake/header.ts`; undefined where they are not. */
function refusalWithout(column: Column, before: Dataset, { format, drift }: Dataset): string | undefined {
  if (format.kind === 'csv' && !format.header)
    return 'fields are taken by position, and files have one too few';
  if (format.kind === 'fixedWidth') {
    const isLonger = widthOf(format) > widthOf(before.format);
    return isLonger ? 'lines that end before the new column are refused' : undefined;
  }
  if (column.pii !== undefined) return 'files without a personal column are refused';
  const isKeyed = format.kind === 'json' || format.kind === 'jsonl' || format.kind === 'xml';
  return !isKeyed && drift.missingColumn === 'reject'
    ? 'files without the new column are refused; drift.missingColumn null lets them in'
    : undefined;
}

const widthOf = (format: Dataset['format']): number =>
  format.kind === 'fixedWidth'
    ? Math.max(...format.fields.map(({ start, length }) => start - 1 + length))
    : 0;

function moved(before: Dataset, after: Dataset): readonly Change[] {
  const order = (one: Dataset, other: Dataset) =>
    one.columns.map(({ name }) => name).filter((name) => named(other, name));
  const change = changed(
    'order of columns',
    order(before, after).join(', '),
    order(after, before).join(', '),
  );
  if (change === undefined) return [];
  const byPosition = sources(after).some(({ format }) => format.kind === 'csv' && !format.header);
  const effect: Effect = byPosition || after.drift.reordered === 'reject' ? 'breaking' : 'documentation';
  return [
    {
      ...change,
      effect,
      because:
        effect === 'breaking'
          ? 'files in the old order are refused or read otherwise'
          : 'files are read by names',
    },
  ];
}

interface Aspect {
  readonly name: string;
  readonly value: (column: Column) => unknown;
  readonly effect: (before: Column, after: Column) => Effect;
  readonly because: string;
}

const always = (effect: Effect) => (): Effect => effect;
const within = <Item>(part: readonly Item[], whole: readonly Item[]): boolean =>
  part.every((item) => whole.includes(item));

const ASPECTS: readonly Aspect[] = [
  {
    name: 'type',
    value: ({ type }) => typeText(type),
    effect: (a, b) => (isWider(a.type, b.type) ? 'compatible' : 'breaking'),
    because: 'only a wider type holds all that the old one held',
  },
  {
    name: 'dateFormats',
    value: ({ type }) => ('formats' in type ? type.formats : []),
    effect: formatsEffect,
    because: 'texts in a form that is no longer listed are refused',
  },
  {
    name: 'numberFormat',
    value: ({ type }) => numberFormatOf(type),
    effect: always('breaking'),
    because: 'the same text means another number, or none',
  },
  {
    name: 'defaultTimezone',
    value: ({ type }) => (type.kind === 'timestamp' ? type.zone : undefined),
    effect: always('breaking'),
    because: 'the same text means another moment',
  },
  {
    name: 'unique',
    value: ({ unique }) => unique,
    effect: (_a, b) => (b.unique ? 'breaking' : 'compatible'),
    because: 'rows that repeat a value are refused',
  },
  {
    name: 'primaryKey',
    value: ({ primaryKey }) => primaryKey,
    effect: always('breaking'),
    because: 'other rows count as the same',
  },
  {
    name: 'partition',
    value: ({ partition }) => partition,
    effect: always('breaking'),
    because: 'the table is laid out otherwise',
  },
  {
    name: 'sourceNames',
    value: ({ sourceNames }) => [...sourceNames].sort(),
    effect: (a, b) => (within(a.sourceNames, [...b.sourceNames, b.name]) ? 'compatible' : 'breaking'),
    because: 'files with a name that is no longer listed are refused',
  },
  {
    name: 'nullTokens',
    value: ({ nullTokens }) => [...nullTokens].sort(),
    effect: nullsEffect,
    because: 'the same text is a value or null',
  },
  {
    name: 'trim',
    value: ({ trim }) => trim,
    effect: always('breaking'),
    because: 'the same text gives another value',
  },
  {
    name: 'standardize',
    value: ({ standardize }) => standardize,
    effect: always('breaking'),
    because: 'the same text gives another value',
  },
  {
    name: 'pii.action',
    value: ({ pii }) => pii?.action,
    effect: always('breaking'),
    because: 'readers see values in another form',
  },
  { name: 'pii.kind', value: ({ pii }) => pii?.kind, effect: always('documentation'), because: 'for people' },
  {
    name: 'classification',
    value: ({ classification }) => classification,
    effect: always('compatible'),
    because: 'who may read the column may change',
  },
  {
    name: 'description',
    value: ({ description }) => description,
    effect: always('documentation'),
    because: 'for people',
  },
];

const inColumn = (before: Column, after: Column): readonly Change[] =>
  ASPECTS.flatMap(({ name, value, effect, because }) => {
    const change = changed(`${after.name}.${name}`, value(before), value(after));
    return change === undefined ? [] : [{ ...change, effect: effect(before, after), because }];
  });

/** https://iceberg.apache.org/spec/#schema-evolution: what a column of a table may become without being written again. */
function isWider(before: ColumnType, after: ColumnType): boolean {
  if (before.kind === 'integer' && after.kind === 'integer') return after.bits >= before.bits;
  if (before.kind === 'decimal' && after.kind === 'decimal')
    return after.scale === before.scale && after.precision >= before.precision;
  return false;
}

/** Formats are tried in order: more of them at the end change nothing for the texts that were read before. No format is ISO 8601. */
function formatsEffect({ type: before }: Column, { type: after }: Column): Effect {
  const [old, fresh] = [before, after].map((type) => ('formats' in type ? type.formats : []));
  const isPrefix =
    (old ?? []).length > 0 && old?.every((format, index) => format === fresh?.[index]) === true;
  return isPrefix ? 'compatible' : 'breaking';
}

/** One more text for null: where it is no value of the column it was refused before. */
function nullsEffect({ nullTokens: before }: Column, { nullTokens: after, type }: Column): Effect {
  const isNew = (text: string) => !before.includes(text);
  return within(before, after) && !after.filter(isNew).some((text) => mayBeValue(type, text))
    ? 'compatible'
    : 'breaking';
}

/** Forms and macros make values of more texts than ISO 8601 and plain numbers. */
const mayBeValue = (type: ColumnType, text: string): boolean =>
  /\d/.test(text) || valueProblem(type, text) === undefined;
