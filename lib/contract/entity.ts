import { columnOf } from './columns.ts';
import type { About, Column, Dataset } from './dataset.ts';
import { propertyExtras } from './ingestion-schema.ts';
import type { Criterion, MatchingSpec } from './matching-schema.ts';
import { tableNameProblems } from './names.ts';
import type { SchemaObject } from './odcs-schema.ts';
import type { Path, Problem } from './problems.ts';

/** What a contract says about one kind of person or thing that several sources know: whose records are the same, and what is true of it. */
export interface Entity {
  readonly contract: Dataset['contract'];
  readonly domain: string;
  readonly name: string;
  readonly description?: string;
  readonly about: About;
  /** Column of the id that an entity keeps from run to run. */
  readonly id: string;
  /** Of the id, as the contract says it. */
  readonly classification: string;
  /** The other columns of the entity's table. */
  readonly fields: readonly Column[];
  readonly sources: readonly MatchSource[];
  readonly comparisons: readonly Comparison[];
  /** Lists of fields; records are compared where all of a list are equal. */
  readonly blocking: readonly (readonly string[])[];
  readonly certain: { readonly rules: readonly (readonly string[])[]; readonly recall: number };
  /** Probabilities. */
  readonly thresholds: { readonly link: number; readonly review: number };
  /** By field; `DEFAULT_CRITERIA` for those without. */
  readonly survivorship: Readonly<Record<string, readonly Criterion[]>>;
}

export interface MatchSource {
  readonly dataset: Dataset;
  /** Columns whose values name a record for ever. */
  readonly id: readonly string[];
  /** Column of the source by field; a field that the source does not know is left out. */
  readonly columns: Readonly<Record<string, string>>;
  readonly orderBy?: string;
}

export interface Comparison {
  readonly column: string;
  /** Edits, ascending. */
  readonly distances: readonly number[];
  readonly frequency: boolean;
}

export const DEFAULT_CRITERIA: readonly Criterion[] = ['source', 'newest'];

/** `customers/customers`: how people and the ledger name an entity. */
export const entityId = ({ domain, name }: Pick<Entity, 'domain' | 'name'>): string => `${domain}/${name}`;

/** Tables beside the entity's own: which record is whose, what happened to ids, which pairs a person decides. */
export const SIDE_TABLES = ['xref', 'events', 'review'] as const;

/** An entity whose sources have not been looked up yet. */
export interface EntityDraft extends Omit<Entity, 'sources'> {
  readonly sources: MatchingSpec['sources'];
  readonly path: Path;
}

interface EntitySource {
  readonly contract: Dataset['contract'];
  readonly domain: string;
  readonly about: About;
  readonly object: SchemaObject;
  readonly matching: MatchingSpec;
  /** Of the schema object. */
  readonly path: Path;
}

/** What a schema object with `matching` says by itself; `linked` finds its sources. */
export function entityOf({ contract, domain, about, object, matching, path }: EntitySource): {
  readonly entity: EntityDraft;
  readonly problems: readonly Problem[];
} {
  const index = (object.customProperties ?? []).findIndex(({ property }) => property === 'matching');
  const at: Path = [...path, 'customProperties', index, 'value'];
  const name = object.physicalName ?? object.name;
  const problems: Problem[] = [...tableNameProblems(domain, name, path)];
  if (object.quality !== undefined)
    problems.push({
      path: [...path, 'quality'],
      message: 'quality of matched records is checked in the contracts of their sources; leave it out',
    });
  const columns = (object.properties ?? []).map((property, position) => {
    const place: Path = [...path, 'properties', position];
    const { value, problems: found } = columnOf(property, place, ['']);
    problems.push(...found, ...uncheckedOf(property, place));
    return value;
  });
  const keys = columns.filter(({ primaryKey }) => primaryKey !== undefined);
  const [key] = keys;
  if (keys.length !== 1 || key?.type.kind !== 'string' || key.pii !== undefined)
    problems.push({
      path: [...path, 'properties'],
      message:
        'matching needs exactly one property with primaryKey: a string without pii, which gets the id that Headgate gives',
    });
  const fields = columns.filter((column) => column !== key);
  const entity: EntityDraft = {
    contract,
    domain,
    name,
    ...(object.description === undefined ? {} : { description: object.description }),
    about,
    id: key?.name ?? '',
    classification: key?.classification ?? 'public',
    fields,
    sources: matching.sources,
    comparisons: matching.comparisons,
    blocking: matching.blocking,
    certain: matching.certain,
    thresholds: matching.thresholds,
    survivorship: matching.survivorship,
    path: at,
  };
  problems.push(...problemsOf(entity));
  return { entity, problems };
}

type Property = NonNullable<SchemaObject['properties']>[number];

/** What a source's contract may say of a column and this one may not: nothing here would do it. */
function uncheckedOf(property: Property, path: Path): readonly Problem[] {
  const named = (property.customProperties ?? [])
    .map((each) => each.property)
    .filter((each) => each !== 'pii' && each in propertyExtras);
  const unchecked = [
    ...named,
    ...(property.quality === undefined ? [] : ['quality']),
    ...(property.logicalTypeOptions === undefined ? [] : ['logicalTypeOptions']),
    ...(property.required && !property.primaryKey ? ['required'] : []),
    ...(property.unique && !property.primaryKey ? ['unique'] : []),
    ...(property.partitioned ? ['partitioned'] : []),
  ];
  return unchecked.length === 0
    ? []
    : [
        {
          path,
          message: `${unchecked.join(', ')} has no meaning for a matched column; say it in the contracts of the sources`,
        },
      ];
}

function problemsOf(entity: EntityDraft): readonly Problem[] {
  const { fields, comparisons, blocking, certain, thresholds, survivorship, path } = entity;
  const problems: Problem[] = [];
  const names = fields.map(({ name }) => name);
  const complain = (message: string, ...at: Path) => problems.push({ path: [...path, ...at], message });
  const fieldAt = (name: string, ...at: Path): Column | undefined => {
    const field = fields.find((each) => each.name === name);
    if (field === undefined) complain(`column ${name} does not exist; allowed: ${names.join(', ')}`, ...at);
    return field;
  };
  const readableAt = (name: string, ...at: Path): Column | undefined => {
    const field = fieldAt(name, ...at);
    const action = field?.pii?.action;
    if (action === 'mask' || action === 'redact' || action === 'drop')
      complain(
        `${name} has pii action ${action}, so nothing is left to compare; allowed: vault, tokenize (equal or not), or no pii`,
        ...at,
      );
    if (field?.type.kind === 'json')
      complain(`${name} is an object or array, which can't be compared`, ...at);
    return field;
  };
  for (const [index, { column, distances }] of comparisons.entries()) {
    const field = readableAt(column, 'comparisons', index, 'column');
    if (comparisons.findIndex((each) => each.column === column) !== index)
      complain(`${column} is compared twice`, 'comparisons', index, 'column');
    if (distances.some((distance, place) => place > 0 && distance <= (distances[place - 1] ?? 0)))
      complain('distances must ascend', 'comparisons', index, 'distances');
    if (distances.length > 0 && field?.pii?.action === 'tokenize')
      complain(
        `tokens of ${column} are equal or not, they have no distance; allowed: no distances, or pii action vault`,
        'comparisons',
        index,
        'distances',
      );
  }
  const lists = { blocking, 'certain.rules': certain.rules };
  for (const [where, rules] of Object.entries(lists)) {
    for (const [index, rule] of rules.entries())
      for (const [place, column] of rule.entries()) readableAt(column, ...where.split('.'), index, place);
  }
  for (const column of names)
    if (blocking.every((rule) => rule.includes(column)))
      complain(
        `${column} stands in every list: how it differs between records of one person could not be learnt, and who differs there would never be found`,
        'blocking',
      );
  if (thresholds.review >= thresholds.link)
    complain(`review (${thresholds.review}) must be below link (${thresholds.link})`, 'thresholds', 'review');
  for (const [column, criteria] of Object.entries(survivorship)) {
    const action = fieldAt(column, 'survivorship', column)?.pii?.action;
    if (criteria.includes('longest') && action !== undefined && action !== 'vault')
      complain(
        `longest can't be told of ${column}: pii action ${action} hides its length; allowed: source, newest, oldest, frequent`,
        'survivorship',
        column,
      );
  }
  return problems;
}

/** The draft with its sources, held against their contracts. */
export function linked(
  draft: EntityDraft,
  datasets: readonly Dataset[],
): { readonly entity: Entity; readonly problems: readonly Problem[] } {
  const problems: Problem[] = [];
  const { path, sources: named, ...rest } = draft;
  const ours = datasets.filter(({ domain }) => domain === draft.domain);
  const tables = [draft.name, ...SIDE_TABLES.map((table) => `${draft.name}_${table}`)];
  for (const { name } of ours)
    if (tables.includes(name))
      problems.push({ path, message: `table ${draft.domain}.${name} belongs to a dataset of that name` });
  const sources = named.flatMap((spec, index): readonly MatchSource[] => {
    const at: Path = [...path, 'sources', index];
    const complain = (message: string, ...place: Path) => problems.push({ path: [...at, ...place], message });
    const dataset = ours.find(({ name }) => name === spec.dataset);
    if (named.findIndex((each) => each.dataset === spec.dataset) !== index)
      complain(`${spec.dataset} is given twice`, 'dataset');
    if (dataset === undefined) {
      complain(
        `there is no dataset ${spec.dataset} in domain ${draft.domain}; allowed: ${ours.map(({ name }) => name).join(', ')}`,
        'dataset',
      );
      return [];
    }
    const id = spec.id ?? dataset.dedupe?.keys ?? primaryKeyOf(dataset);
    if (id.length === 0) complain(`${spec.dataset} has no key; name the columns of its id`, 'id');
    const columnAt = (name: string, ...place: Path): Column | undefined => {
      const column = dataset.columns.find((each) => each.name === name);
      if (column === undefined)
        complain(
          `${spec.dataset} has no column ${name}; allowed: ${dataset.columns.map((each) => each.name).join(', ')}`,
          ...place,
        );
      return column;
    };
    for (const [place, name] of id.entries()) {
      if (columnAt(name, 'id', place)?.pii !== undefined)
        complain(`${name} is personal and can't name a record`, 'id', place);
    }
    if (spec.orderBy !== undefined) {
      const column = columnAt(spec.orderBy, 'orderBy');
      if (
        column !== undefined &&
        (column.pii !== undefined || !['date', 'timestamp'].includes(column.type.kind))
      )
        complain(`${spec.orderBy} is no date or timestamp that can be read`, 'orderBy');
    }
    for (const field of Object.keys(spec.columns))
      if (!draft.fields.some(({ name }) => name === field))
        complain(
          `there is no column ${field} here; allowed: ${draft.fields.map(({ name }) => name).join(', ')}`,
          'columns',
          field,
        );
    const columns: Record<string, string> = {};
    for (const field of draft.fields) {
      const name = spec.columns[field.name] ?? field.name;
      const column =
        spec.columns[field.name] === undefined
          ? dataset.columns.find((each) => each.name === name)
          : columnAt(name, 'columns', field.name);
      if (column === undefined) continue;
      columns[field.name] = name;
      const differs = differenceOf(field, column);
      if (differs !== undefined)
        complain(`${field.name}: ${differs} in ${spec.dataset} (${name})`, 'columns');
    }
    return [{ dataset, id, columns, ...(spec.orderBy === undefined ? {} : { orderBy: spec.orderBy }) }];
  });
  for (const { name } of draft.fields)
    if (sources.length === named.length && sources.every(({ columns }) => columns[name] === undefined))
      problems.push({
        path: [...path, 'sources'],
        message: `no source has a column ${name}; name it in columns of a source`,
      });
  return { entity: { ...rest, sources }, problems };
}

const primaryKeyOf = ({ columns }: Dataset): readonly string[] =>
  columns
    .filter(({ primaryKey }) => primaryKey !== undefined)
    .sort((a, b) => (a.primaryKey ?? 0) - (b.primaryKey ?? 0))
    .map(({ name }) => name);

/** Values go from the source's table into the entity's as they stand, so both must protect and type them alike. */
function differenceOf(field: Column, column: Column): string | undefined {
  const action = ({ pii }: Column) => pii?.action ?? 'none';
  if (action(field) !== action(column)) return `pii action is ${action(field)} here and ${action(column)}`;
  const type = ({ type: { kind, ...rest } }: Column) =>
    [
      kind,
      ...('bits' in rest ? [rest.bits] : []),
      ...('scale' in rest ? [rest.precision, rest.scale] : []),
    ].join(' ');
  if (field.pii === undefined && type(field) !== type(column))
    return `type is ${type(field)} here and ${type(column)}`;
  return undefined;
}
