import avsc, { type Type } from 'avsc';
import type { AvroFormat } from '../contract/dataset.ts';
import { type AvroBlock, openAvro } from './avro-container.ts';
import { avroType } from './avro-schema.ts';
import { type AvroCodec, AvroCursor, AvroDamage, codecOf, eachItem, keyAt } from './avro-values.ts';
import type { CsvLines } from './canonical.ts';
import type { Content } from './file-profile.ts';
import { LIMITS } from './limits.ts';
import { joined, steps } from './paths.ts';
import { FormatProblem } from './problem.ts';

const { types } = avsc;

/**
 * Columns as the file's schema names them, and records as the heads of its blocks state them: nothing is decoded, so the count is not
 * the reader's. Only where an array becomes rows must it be passed over to be counted.
 */
export async function profileAvro(body: AsyncIterable<Uint8Array>, format: AvroFormat): Promise<Content> {
  const { schema, blocks } = await openAvro(body);
  const scan = new AvroScan(avroType(schema), format);
  const header = scan.columns.map(({ name }) => name);
  if (header.length > LIMITS.columns)
    throw new FormatProblem('file.too_large', `the schema has more than ${LIMITS.columns} columns`);
  let records = 0;
  const reader = new AvroReader(scan, header);
  for await (const block of blocks) {
    if (format.nesting.rows === undefined) records += block.count;
    else reader.read(block);
  }
  return { records: records + reader.records, header };
}

/** Texts by the names of the header, as far as this file's own schema has them. */
export async function* avroRecords(
  body: AsyncIterable<Uint8Array>,
  format: AvroFormat,
  header: readonly string[],
  lines: CsvLines,
): AsyncGenerator<void> {
  const { schema, blocks } = await openAvro(body);
  const reader = new AvroReader(new AvroScan(avroType(schema), format), header, lines);
  for await (const block of blocks) {
    reader.read(block);
    yield;
  }
}

/** For each column where its value stands, -1: nowhere. */
type Row = Int32Array;

/** Passes over records and notes where the values of columns stand: first those of the record, then those of each element that becomes a row. */
class AvroReader {
  /** Rows and refused records. */
  records = 0;
  readonly #cursor = new AvroCursor();
  readonly #scan: AvroScan;
  readonly #lines: CsvLines | undefined;
  /** Of each name of the header its number among the scan's columns, -1: none. */
  readonly #indexes: readonly number[];
  readonly #codecs: readonly AvroCodec[];
  readonly #common: Row;
  readonly #rows: Row[] = [];
  readonly #none: Row;

  constructor(scan: AvroScan, header: readonly string[], lines?: CsvLines) {
    this.#scan = scan;
    this.#lines = lines;
    this.#indexes = header.map((name) => scan.columns.findIndex((column) => column.name === name));
    this.#codecs = scan.columns.map(({ codec }) => codec);
    this.#common = new Int32Array(scan.columns.length);
    this.#none = this.#common.slice().fill(-1);
  }

  read(block: AvroBlock): void {
    this.#cursor.bytes = block.bytes;
    this.#cursor.at = 0;
    for (let record = 0; record < block.count; record++) {
      if (!this.#passes()) {
        // After a damaged record nobody knows where the next one starts in its block.
        for (; record < block.count; record++) this.#refuse('record.malformed', block);
        return;
      }
      if (this.#cursor.isDeep) this.#refuse('record.too_deep');
      else if (this.#cursor.isOdd) this.#refuse('record.malformed');
      else if (this.#rows.length === 0) this.#write(this.#none);
      else for (const row of this.#rows) this.#write(row);
    }
  }

  #passes(): boolean {
    const cursor = this.#cursor;
    cursor.isOdd = false;
    cursor.isDeep = false;
    cursor.depth = 0;
    this.#common.fill(-1);
    this.#rows.length = 0;
    try {
      this.#scan.pass(cursor, this.#common, this.#rows);
      return true;
    } catch (error) {
      if (error instanceof AvroDamage) return false;
      throw error;
    }
  }

  #refuse(code: string, place?: AvroBlock): void {
    this.records++;
    this.#lines?.refuse({ code, start: place?.start ?? null, end: place?.end ?? null });
  }

  #write(row: Row): void {
    this.records++;
    const lines = this.#lines;
    if (lines === undefined) return;
    const cursor = this.#cursor;
    const next = cursor.at;
    for (const index of this.#indexes) {
      cursor.at = index === -1 ? -1 : Math.max(row[index] as number, this.#common[index] as number);
      if (cursor.at === -1) lines.none();
      else this.#codecs[index]?.field(cursor, lines);
    }
    cursor.at = next;
    lines.end();
  }
}

interface AvroColumn {
  readonly name: string;
  readonly codec: AvroCodec;
}

type Pass = (cursor: AvroCursor, row: Row, rows: Row[]) => void;

/** How to pass over a record of a schema so that the places of its columns are known. */
class AvroScan {
  /** In the order of the schema. */
  readonly columns: AvroColumn[] = [];
  readonly pass: Pass;
  readonly #paths: readonly string[];
  readonly #rows: string | undefined;
  readonly #made = new Map<Type, AvroCodec>();

  constructor(type: Type, { nesting: { paths, rows } }: AvroFormat) {
    this.#paths = rows === undefined ? paths : [...paths, rows];
    this.#rows = rows;
    this.pass = this.#fields(type, [], false);
  }

  /** Columns of inner records too where the contract names a path into them; of a map only the keys that it names. */
  #at(type: Type, path: readonly string[], inRows: boolean): Pass {
    const { inner, branch } = bare(type);
    const opened = this.#opened(inner, path, inRows);
    return opened === undefined ? this.#column(type, path) : orNull(branch, opened);
  }

  #opened(type: Type, path: readonly string[], inRows: boolean): Pass | undefined {
    const name = joined(path);
    if (type instanceof types.ArrayType)
      return name === this.#rows && !inRows ? this.#elements(type, path) : undefined;
    if (!this.#paths.some((each) => each.startsWith(`${name}/`))) return undefined;
    if (type instanceof types.MapType) return this.#entries(type, path, inRows);
    return type instanceof types.RecordType ? this.#fields(type, path, inRows) : undefined;
  }

  #column(type: Type, path: readonly string[]): Pass {
    const codec = codecOf(type, this.#made);
    const index = this.columns.push({ name: joined(path), codec }) - 1;
    const { skip } = codec;
    return (cursor, row) => {
      row[index] = cursor.at;
      skip(cursor);
    };
  }

  #fields(type: Type, path: readonly string[], inRows: boolean): Pass {
    const fields = type instanceof types.RecordType ? type.fields : [];
    const passes = fields.map((field) => this.#at(field.type, [...path, field.name], inRows));
    return (cursor, row, rows) => {
      for (const pass of passes) pass(cursor, row, rows);
    };
  }

  #entries(type: InstanceType<typeof types.MapType>, path: readonly string[], inRows: boolean): Pass {
    const inside = this.#paths.filter((each) => each.startsWith(`${joined(path)}/`));
    const keys = new Set(inside.map((each) => steps(each)[path.length] ?? ''));
    const passes = new Map(
      Array.from(keys, (key) => [key, this.#at(type.valuesType, [...path, key], inRows)]),
    );
    const { skip } = codecOf(type.valuesType, this.#made);
    return (cursor, row, rows) => {
      const seen = new Set<string>();
      eachItem(cursor, () => {
        const pass = passes.get(keyAt(cursor, seen));
        if (pass === undefined) skip(cursor);
        else pass(cursor, row, rows);
      });
    };
  }

  #elements({ itemsType }: InstanceType<typeof types.ArrayType>, path: readonly string[]): Pass {
    const { inner, branch } = bare(itemsType);
    const pass =
      inner instanceof types.RecordType
        ? orNull(branch, this.#fields(inner, path, true))
        : this.#column(itemsType, path);
    return (cursor, _row, rows) =>
      eachItem(cursor, () => {
        const row = new Int32Array(this.columns.length).fill(-1);
        rows.push(row);
        pass(cursor, row, rows);
      });
  }
}

/** Of a union of null and one type that type, and the number of its branch. */
function bare(type: Type): { readonly inner: Type; readonly branch: number | undefined } {
  const branches = type instanceof types.WrappedUnionType ? type.types : [];
  const branch = branches.findIndex(({ typeName }) => typeName !== 'null');
  const inner = branches[branch];
  const isNullable = branches.length === 2 && branches.some(({ typeName }) => typeName === 'null');
  return isNullable && inner !== undefined ? { inner, branch } : { inner: type, branch: undefined };
}

const orNull = (branch: number | undefined, pass: Pass): Pass =>
  branch === undefined
    ? pass
    : (cursor, row, rows) => {
        const found = cursor.count();
        if (found === branch) pass(cursor, row, rows);
        else if (found !== 1 - branch) throw new AvroDamage();
      };
