import type { Field, FieldType } from './schema.ts';

export interface Evolution {
  /** Wanted columns in their order with the table's ids, then the columns that are wanted no more. */
  readonly schema: readonly Field[];
  readonly lastColumnId: number;
  /** What is done, one sentence each; empty where the table is as wanted. */
  readonly changes: readonly string[];
  /** What can't be done, one sentence each; where there is any, nothing is done. */
  readonly problems: readonly string[];
}

export interface WantedColumns {
  /** Ids are ignored: a column is found by its name, then by the names it had before, never by its place. */
  readonly schema: readonly Field[];
  readonly formerNames: Readonly<Record<string, readonly string[]>>;
}

/**
 * Columns of a table after its contract changed, by the rules of Iceberg's schema evolution: columns are added as optional ones, renamed, widened
 * (int to long, float to double, more digits of a decimal), made optional. Ids are never used again: a column that the contract no longer
 * has stays in the table and comes back under its id when the contract names it again. Only optional ones can go: what every row must have
 * says what the rows are, such as the versions of a history.
 */
export function evolved(
  current: readonly Field[],
  last: number,
  { schema: wanted, formerNames }: WantedColumns,
): Evolution {
  const changes: string[] = [];
  const problems: string[] = [];
  const partners = partnersOf(current, { schema: wanted, formerNames });
  let lastColumnId = last;
  const newId = () => ++lastColumnId;
  const kept = wanted.map((field): Field => {
    const partner = partners.get(field.name);
    if (partner === undefined) {
      if (field.required)
        problems.push(`${field.name} is new and required, but rows of before have no value`);
      changes.push(`${field.name} added`);
      const id = newId();
      return { ...field, id, type: renumbered(field.type, newId) };
    }
    const { type, problem } = widened(partner.type, field.type);
    if (problem !== undefined)
      problems.push(`${field.name} is ${typeText(partner.type)} in the table: ${problem}`);
    if (field.required && !partner.required)
      problems.push(`${field.name} is required now, but rows of before may have no value`);
    if (field.name !== partner.name) changes.push(`${partner.name} renamed to ${field.name}`);
    if (type !== partner.type)
      changes.push(`${field.name} widened from ${typeText(partner.type)} to ${typeText(type)}`);
    if (partner.required && !field.required) changes.push(`${field.name} made optional`);
    if (field.doc !== partner.doc) changes.push(`${field.name} described anew`);
    return { ...field, id: partner.id, type };
  });
  const taken = new Set(kept.map(({ id }) => id));
  const retired = current.filter(({ id }) => !taken.has(id));
  for (const { name, required } of retired)
    if (required) problems.push(`${name} is required in the table and the contract no longer has it`);
  const schema = [...kept, ...retired];
  if (changes.length === 0 && schema.some(({ id }, index) => id !== current[index]?.id))
    changes.push('columns put in the order of the contract');
  return { schema, lastColumnId, changes, problems };
}

/** Column of the table for each wanted one. A name that is wanted itself is nobody's former name. */
function partnersOf(
  current: readonly Field[],
  { schema, formerNames }: WantedColumns,
): ReadonlyMap<string, Field> {
  const byName = new Map(current.map((field) => [field.name, field]));
  const wanted = new Set(schema.map(({ name }) => name));
  const partners = new Map<string, Field>();
  const taken = new Set<Field>();
  for (const { name } of schema) {
    const names = [name, ...(formerNames[name] ?? []).filter((former) => !wanted.has(former))];
    const partner = names.map((each) => byName.get(each)).find((field) => field !== undefined);
    if (partner === undefined || taken.has(partner)) continue;
    taken.add(partner);
    partners.set(name, partner);
  }
  return partners;
}

interface Widened {
  /** The table's own type object where nothing changes: its nested ids stay. */
  readonly type: FieldType;
  readonly problem?: string;
}

/** Type promotion of Iceberg v2 (spec, "Schema Evolution"). */
function widened(from: FieldType, to: FieldType): Widened {
  if (withoutIds(from) === withoutIds(to)) return { type: from };
  const text = typeText(to);
  if (typeof from !== 'string' || typeof to !== 'string')
    return { type: from, problem: `it can't become ${text}; nested columns can't change` };
  const allowed = wider(from);
  if (allowed.includes(to)) return { type: to };
  const before = decimal(from);
  const after = decimal(to);
  if (before !== undefined && after?.scale === before.scale && after.precision > before.precision)
    return { type: to };
  const decimals =
    before === undefined
      ? []
      : [`a decimal with more than ${before.precision} digits, ${before.scale} of them after the point`];
  return {
    type: from,
    problem: `it can't become ${text}; allowed: ${[from, ...allowed, ...decimals].join(', ')}`,
  };
}

const wider = (type: string): readonly string[] =>
  type === 'int' ? ['long'] : type === 'float' ? ['double'] : [];

function decimal(type: string): { readonly precision: number; readonly scale: number } | undefined {
  const match = /^decimal\((\d+), ?(\d+)\)$/.exec(type);
  return match === null ? undefined : { precision: Number(match[1]), scale: Number(match[2]) };
}

function withoutIds(type: FieldType): string {
  if (typeof type === 'string') return type.replaceAll(' ', '');
  if (type.type === 'list') return `list<${withoutIds(type.element)},${type['element-required']}>`;
  return `struct<${type.fields.map((field) => `${field.name}:${withoutIds(field.type)}:${field.required}`).join()}>`;
}

const typeText = (type: FieldType): string => (typeof type === 'string' ? type : `a ${type.type}`);

function renumbered(type: FieldType, newId: () => number): FieldType {
  if (typeof type === 'string') return type;
  if (type.type === 'list')
    return { ...type, 'element-id': newId(), element: renumbered(type.element, newId) };
  return {
    ...type,
    fields: type.fields.map((field) => ({ ...field, id: newId(), type: renumbered(field.type, newId) })),
  };
}
