import { CLASSIFICATIONS } from './classifications.ts';
import { readExtras } from './custom-properties.ts';
import type { Column, ColumnType, Macro } from './dataset.ts';
import { datePatternProblem } from './date-pattern.ts';
import { propertyExtras } from './ingestion-schema.ts';
import { ALLOWED_NAMES, NAME } from './names.ts';
import { type Item, optionsOf, type Property } from './odcs-property.ts';
import type { Path, Problem } from './problems.ts';

const PROTECTED_FROM = CLASSIFICATIONS.indexOf('restricted');

/** -1: not one of them. */
const rankOf = (classification = 'public'): number =>
  (CLASSIFICATIONS as readonly string[]).indexOf(classification);

const notClassified = (text: string): string =>
  `${JSON.stringify(text)} is not allowed; allowed: ${CLASSIFICATIONS.join(', ')}`;

export interface ParsedColumn {
  readonly value: Column;
  readonly place: Place;
  readonly problems: readonly Problem[];
}

/** Where a column's value stands in a record; only the format's reader needs it. */
export interface Place {
  readonly path?: string;
  readonly position?: { readonly start: number; readonly length: number };
  readonly isList: boolean;
}

export function columnOf(property: Property, path: Path, nullTokens: readonly string[]): ParsedColumn {
  const extras = readExtras(propertyExtras, property.customProperties, path);
  const problems: Problem[] = [...extras.problems];
  const complain = (message: string, ...at: Path) => problems.push({ path: [...path, ...at], message });
  const {
    pii,
    sourceNames,
    formerNames,
    trim,
    dateFormats,
    numberFormat,
    partitionTransform,
    position,
    path: nestedPath,
  } = extras.value;
  const name = property.physicalName ?? property.name;
  if (!NAME.test(name)) {
    complain(
      `${JSON.stringify(name)} is no column name; allowed: ${ALLOWED_NAMES}; the source's name goes to sourceNames`,
      'name',
    );
  }
  const classification = property.classification ?? 'public';
  const rank = rankOf(classification);
  if (rank === -1) complain(notClassified(classification), 'classification');
  if (rank >= PROTECTED_FROM && pii === undefined) {
    complain(
      `classification ${classification} needs the custom property pii: { kind, action }`,
      'classification',
    );
  }
  problems.push(...nestedProblems(property, path, pii !== undefined));
  const plain = typeOf(property, dateFormats, (message, at) => complain(message, at));
  const isNumber = plain.kind === 'integer' || plain.kind === 'decimal' || plain.kind === 'double';
  const type = isNumber && numberFormat !== undefined ? { ...plain, format: numberFormat } : plain;
  if (numberFormat !== undefined && !isNumber)
    complain('numberFormat needs logicalType integer or number', 'customProperties');
  if (dateFormats !== undefined && type.kind !== 'date' && type.kind !== 'timestamp')
    complain('dateFormats need logicalType date or timestamp', 'customProperties');
  problems.push(...patternProblems(property, path, dateFormats));
  if (
    !property.partitioned &&
    property.customProperties?.some((each) => each.property === 'partitionTransform')
  )
    complain('partitionTransform needs partitioned: true', 'customProperties');
  const partition = property.partitioned
    ? { position: property.partitionKeyPosition, transform: partitionTransform }
    : undefined;
  if (
    partition !== undefined &&
    partition.transform !== 'identity' &&
    type.kind !== 'date' &&
    type.kind !== 'timestamp'
  ) {
    complain(`partitionTransform ${partition.transform} needs logicalType date or timestamp`, 'partitioned');
  }
  if (
    partition?.transform === 'identity' &&
    (type.kind === 'decimal' || type.kind === 'double' || type.kind === 'json')
  ) {
    complain(`a column of type ${type.kind} can't be partitioned by its value`, 'partitioned');
  }
  const standardize = extras.value.standardize.flatMap((text) =>
    macroOf(text, (message) => complain(message, 'customProperties')),
  );
  const value: Column = {
    name,
    type,
    ...(property.description === undefined ? {} : { description: property.description }),
    required: property.required,
    unique: property.unique,
    ...(property.primaryKey ? { primaryKey: Math.max(property.primaryKeyPosition, 1) } : {}),
    ...(partition === undefined ? {} : { partition }),
    sourceNames: [
      ...(nestedPath === undefined ? [] : [nestedPath]),
      ...(property.name === name ? [] : [property.name]),
      ...sourceNames,
    ],
    formerNames,
    nullTokens: extras.value.nullTokens ?? nullTokens,
    trim,
    standardize,
    ...(pii === undefined ? {} : { pii }),
    classification,
  };
  const place: Place = {
    ...(nestedPath === undefined ? {} : { path: nestedPath }),
    ...(position === undefined ? {} : { position }),
    isList: property.logicalType === 'array',
  };
  return { value, place, problems };
}

/**
 * What stands inside an object or array is kept as one JSON text: nothing in it is checked or protected by itself, so a contract that
 * asks for that is refused, and personal values inside need `pii` on the column.
 */
function nestedProblems(property: Property, path: Path, isProtected: boolean): readonly Problem[] {
  return nested(property, path).flatMap(({ inner, at }) => {
    const problems: Problem[] = [...readExtras({}, inner.customProperties, at).problems];
    const complain = (message: string) => problems.push({ path: at, message });
    const rank = rankOf(inner.classification);
    if (rank >= PROTECTED_FROM && !isProtected)
      complain(
        `classification ${inner.classification} inside ${property.name} needs pii on ${property.name}`,
      );
    if (inner.classification !== undefined && rank === -1) complain(notClassified(inner.classification));
    const unchecked = [
      ...(inner.quality === undefined ? [] : ['quality']),
      ...(inner.logicalTypeOptions === undefined ? [] : ['logicalTypeOptions']),
      ...(['required', 'unique', 'primaryKey', 'partitioned'] as const).filter((name) => inner[name]),
    ];
    if (unchecked.length > 0)
      complain(
        `${unchecked.join(', ')} inside an object or array is not supported yet; the column is kept as JSON text`,
      );
    return problems;
  });
}

interface Nested {
  readonly inner: Item;
  readonly at: Path;
}

const nested = ({ properties, items }: Item, path: Path): readonly Nested[] =>
  [
    ...(properties ?? []).map((inner, index): Nested => ({ inner, at: [...path, 'properties', index] })),
    ...(items === undefined ? [] : [{ inner: items, at: [...path, 'items'] }]),
  ].flatMap((each) => [each, ...nested(each.inner, each.at)]);

/** An engine would only find such a pattern when it plans. */
function patternProblems(
  property: Property,
  path: Path,
  dateFormats: readonly string[] | undefined,
): readonly Problem[] {
  if (property.logicalType !== 'date' && property.logicalType !== 'timestamp') return [];
  const { format } = property.logicalTypeOptions === undefined ? {} : optionsOf(property);
  const list = property.customProperties?.findIndex((each) => each.property === 'dateFormats') ?? -1;
  const problems = (patterns: readonly string[], at: (index: number) => Path) =>
    patterns.flatMap((pattern, index): readonly Problem[] => {
      const message = datePatternProblem(pattern);
      return message === undefined ? [] : [{ path: [...path, ...at(index)], message }];
    });
  return [
    ...problems(format === undefined ? [] : [format], () => ['logicalTypeOptions', 'format']),
    ...problems(dateFormats ?? [], (index) => ['customProperties', list, 'value', index]),
  ];
}

type Complain = (message: string, at: string) => void;

function typeOf(
  property: Property,
  dateFormats: readonly string[] | undefined,
  complain: Complain,
): ColumnType {
  const { format, defaultTimezone, timezone } =
    property.logicalTypeOptions === undefined ? {} : optionsOf(property);
  const formats = dateFormats ?? (format === undefined ? [] : [format]);
  switch (property.logicalType) {
    case 'string':
      return { kind: 'string' };
    case 'integer':
      return integerOf(format, complain);
    case 'number':
      return numberOf(property, complain);
    case 'boolean':
      unsupported(property, complain);
      return { kind: 'boolean' };
    case 'date':
      return { kind: 'date', formats };
    case 'timestamp':
      if (timezone === true)
        complain(
          'timezone: true is the default meaning: offsets are read and stored as UTC; leave it out',
          'logicalTypeOptions',
        );
      return { kind: 'timestamp', formats, zone: zoneOf(defaultTimezone ?? 'UTC', complain) };
    case 'object':
    case 'array':
      unsupported(property, complain);
      return { kind: 'json' };
    case 'time':
      complain('time is not supported yet; use string with a pattern', 'logicalType');
      return { kind: 'string' };
    case undefined:
      complain('logicalType is missing; nothing is inferred', 'logicalType');
      return { kind: 'string' };
  }
}

/** Options that the standard allows and nothing here would check. */
function unsupported({ logicalType, logicalTypeOptions }: Property, complain: Complain): void {
  const names = Object.keys(logicalTypeOptions ?? {});
  if (names.length > 0)
    complain(
      `${names.join(', ')} of ${logicalType} is not supported yet; leave it out`,
      'logicalTypeOptions',
    );
}

function integerOf(format: string | undefined, complain: Complain): ColumnType {
  if (format === undefined || format === 'i64') return { kind: 'integer', bits: 64 };
  if (format === 'i32') return { kind: 'integer', bits: 32 };
  complain(`integer format ${format} is not supported; allowed: i32, i64`, 'logicalTypeOptions');
  return { kind: 'integer', bits: 64 };
}

const DECIMAL = /^(?:decimal|numeric)\((\d+)(?:,\s*(\d+))?\)$/i;

function numberOf({ physicalType }: Property, complain: Complain): ColumnType {
  if (physicalType === undefined || /^double$/i.test(physicalType)) return { kind: 'double' };
  const match = DECIMAL.exec(physicalType);
  const precision = Number(match?.[1] ?? 0);
  const scale = Number(match?.[2] ?? 0);
  if (match === null || precision < 1 || precision > 38 || scale > precision) {
    complain(
      `${JSON.stringify(physicalType)} is not allowed for a number; allowed: decimal(p,s) with p up to 38, double`,
      'physicalType',
    );
  }
  return { kind: 'decimal', precision, scale };
}

const ZONE = /^(?:UTC|[A-Z][A-Za-z]+(?:\/[A-Za-z0-9_+-]+)+)$/;

/** Offsets (`+05:00`) and abbreviations (`EST`) mean different things, or nothing, to the engines. */
function zoneOf(zone: string, complain: Complain): string {
  if (!isTimeZone(zone)) {
    complain(
      `${JSON.stringify(zone)} is no time zone; allowed: IANA names such as Europe/Amsterdam, Etc/GMT-5 or UTC, in their own case`,
      'logicalTypeOptions',
    );
  }
  return zone;
}

export const isTimeZone = (zone: string): boolean => ZONE.test(zone) && isKnownZone(zone);

function isKnownZone(zone: string): boolean {
  try {
    const { timeZone } = new Intl.DateTimeFormat('en', { timeZone: zone }).resolvedOptions();
    return timeZone === zone || timeZone.toLowerCase() !== zone.toLowerCase();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return false;
  }
}

const PHONE = /^phone\('(\+[1-9]\d{0,3})'\)$/;
const DATE = /^date\(('[^']+'(?:, *'[^']+')*)\)$/;
const MACROS =
  "lowercase, uppercase, collapseBlanks, stripZeroFraction, email, name, postcode, date('dd-MM-yyyy'), phone('+31')";

function macroOf(text: string, complain: (message: string) => void): readonly Macro[] {
  switch (text) {
    case 'lowercase':
    case 'uppercase':
    case 'collapseBlanks':
    case 'stripZeroFraction':
    case 'email':
    case 'name':
    case 'postcode':
      return [{ kind: text }];
  }
  const dialCode = PHONE.exec(text)?.[1];
  if (dialCode !== undefined) return [{ kind: 'phone', dialCode }];
  const patterns = DATE.exec(text)?.[1]
    ?.split(/, */)
    .map((each) => each.slice(1, -1));
  if (patterns === undefined)
    complain(`standardize: ${JSON.stringify(text)} is not known; allowed: ${MACROS}`);
  for (const pattern of patterns ?? []) {
    const problem = datePatternProblem(pattern);
    if (problem !== undefined) complain(`standardize: ${text}: ${problem}`);
  }
  return patterns === undefined ? [] : [{ kind: 'date', patterns }];
}
