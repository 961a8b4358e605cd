import avsc, { type Type } from 'avsc';
import type { AvroFormat } from '../contract/dataset.ts';
import { type AvroBlock, openAvro } from './avro-container.ts';
import { type AvroWriter, avroType, writerOf } from './avro-values.ts';
import type { ParsedRecord, Records } from './canonical.ts';
import { LIMITS } from './limits.ts';
import { joined, steps } from './paths.ts';
import { FormatProblem } from './problem.ts';
import type { Content } from './profile.ts';

const { types } = avsc;

/**
 * Columns as the file's schema names them, and records as the heads of its blocks state them: nothing is decoded, so the count is not
 * the reader's. Only where an array becomes rows must it be decoded to be counted.
 */
export async function profileAvro(body: AsyncIterable<Uint8Array>, format: AvroFormat): Promise<Content> {
  const { schema, blocks } = await openAvro(body);
  const type = avroType(schema);
  const columns = columnsOf(type, format);
  if (columns.length > LIMITS.columns)
    throw new FormatProblem('file.too_large', `the schema has more than ${LIMITS.columns} columns`);
  let records = 0;
  const read = format.nesting.rows === undefined ? undefined : rowsOf(type, [], format);
  for await (const block of blocks)
    records += read === undefined ? block.count : decoded(type, block, read).length;
  return { records, header: columns.map(({ name }) => name) };
}

/** Texts by the names of the header, as far as this file's own schema has them. */
export async function* avroRecords(
  body: AsyncIterable<Uint8Array>,
  format: AvroFormat,
  header: readonly string[],
): Records {
  const { schema, blocks } = await openAvro(body);
  const type = avroType(schema);
  const read = rowsOf(type, header, format);
  for await (const block of blocks) yield decoded(type, block, read);
}

type Read = (record: unknown, into: ParsedRecord[]) => void;

/** One call for a whole block, as an array of its records; record by record where that fails, to know which one is damaged. */
function decoded(type: Type, block: AvroBlock, read: Read): readonly ParsedRecord[] {
  const rows: ParsedRecord[] = [];
  const whole = wholeBlock(type, block);
  if (whole !== undefined) {
    for (const record of whole) read(record, rows);
    return rows;
  }
  let at = 0;
  for (let record = 0; record < block.count; record++) {
    const { value, offset } = at < 0 ? { value: undefined, offset: -1 } : decodedAt(type, block.bytes, at);
    // After a damaged record nobody knows where the next one starts in its block.
    if (offset < 0) rows.push({ code: 'record.malformed', start: block.start, end: block.end });
    else read(value, rows);
    at = offset;
  }
  return rows;
}

const arrays = new WeakMap<Type, Type>();

function wholeBlock(type: Type, { bytes, count }: AvroBlock): readonly unknown[] | undefined {
  if (count === 0) return bytes.length === 0 ? [] : undefined;
  const array = arrays.get(type) ?? new types.ArrayType({ type: 'array', items: type } as never, {} as never);
  arrays.set(type, array);
  const { value, offset } = decodedAt(array, Buffer.concat([zigzag(count), bytes, Buffer.alloc(1)]), 0);
  return offset === bytes.length + zigzag(count).length + 1 ? (value as readonly unknown[]) : undefined;
}

function decodedAt(
  type: Type,
  bytes: Buffer,
  at: number,
): { readonly value: unknown; readonly offset: number } {
  try {
    return type.decode(bytes, at);
  } catch (error) {
    // avsc throws plain errors at wrong branches and symbols, and the stack ends where a recursive type is nested too deeply.
    if (error instanceof Error) return { value: undefined, offset: -1 };
    throw error;
  }
}

function zigzag(value: number): Buffer {
  const bytes: number[] = [];
  let left = value * 2;
  while (left >= 128) {
    bytes.push((left % 128) + 128);
    left = Math.floor(left / 128);
  }
  return Buffer.from([...bytes, left]);
}

interface AvroColumn {
  readonly name: string;
  /** From the record, or from an element where `inRows`. */
  readonly keys: readonly string[];
  readonly inRows: boolean;
  readonly writer: AvroWriter;
}

const bare = (type: Type): Type =>
  type instanceof types.UnwrappedUnionType
    ? (type.types.find(({ typeName }) => typeName !== 'null') ?? type)
    : type;

/** Fields of the schema: those of inner records too where the contract names a path into them; a map's keys only as it names them. */
function columnsOf(type: Type, { nesting: { paths, rows } }: AvroFormat): readonly AvroColumn[] {
  const made = new Map<Type, AvroWriter>();
  const walk = (
    own: Type,
    path: readonly string[],
    keys: readonly string[],
    inRows: boolean,
  ): AvroColumn[] => {
    const name = joined(path);
    const inner = bare(own);
    const isInner =
      path.length === 0 ||
      [...paths, ...(rows === undefined ? [] : [rows])].some((each) => each.startsWith(`${name}/`));
    if (name === rows && inner instanceof types.ArrayType && !inRows)
      return bare(inner.itemsType) instanceof types.RecordType
        ? fieldsOf(bare(inner.itemsType), path, [], true)
        : [{ name, keys: [], inRows: true, writer: writerOf(inner.itemsType, made) }];
    if (isInner && inner instanceof types.RecordType) return fieldsOf(inner, path, keys, inRows);
    if (isInner && inner instanceof types.MapType)
      return [
        ...new Set(
          paths.filter((each) => each.startsWith(`${name}/`)).map((each) => steps(each)[path.length] ?? ''),
        ),
      ].flatMap((key) => walk(inner.valuesType, [...path, key], [...keys, key], inRows));
    return [{ name, keys, inRows, writer: writerOf(own, made) }];
  };
  const fieldsOf = (
    own: Type,
    path: readonly string[],
    keys: readonly string[],
    inRows: boolean,
  ): AvroColumn[] =>
    own instanceof types.RecordType
      ? own.fields.flatMap((field) => walk(field.type, [...path, field.name], [...keys, field.name], inRows))
      : [];
  return fieldsOf(type, [], [], false);
}

/** Reads a decoded record into rows: one, or one for each element of the array that the contract names. */
function rowsOf(type: Type, header: readonly string[], format: AvroFormat): Read {
  const columns = new Map(columnsOf(type, format).map((column) => [column.name, column]));
  const ordered = header.map((name) => columns.get(name));
  const { rows } = format.nesting;
  const getters = ordered.map(getterOf);
  const width = getters.length;
  const rowOf = (record: unknown, element: unknown): ParsedRecord => {
    const row = new Array<string | null>(width);
    for (let index = 0; index < width; index++) row[index] = getters[index]?.(record, element) ?? null;
    return row;
  };
  if (rows === undefined) return (record, into) => into.push(rowOf(record, null));
  const keys = steps(rows);
  return (record, into) => {
    let found: unknown = record;
    for (const key of keys) found = (found as Readonly<Record<string, unknown>> | null | undefined)?.[key];
    const elements = Array.isArray(found) && found.length > 0 ? found : [null];
    for (const element of elements) into.push(rowOf(record, element));
  };
}

type Getter = (record: unknown, element: unknown) => string | null;

function getterOf(column: AvroColumn | undefined): Getter {
  if (column === undefined) return () => null;
  const { keys, inRows, writer } = column;
  return (record, element) => {
    let value = inRows ? element : record;
    for (const key of keys) {
      if (value === null || value === undefined) return null;
      value = (value as Readonly<Record<string, unknown>>)[key];
    }
    return value === undefined ? null : writer.text(value);
  };
}
