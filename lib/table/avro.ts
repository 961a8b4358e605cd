import { randomBytes } from 'node:crypto';
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { TerminalError } from '../errors.ts';

/**
 * Avro container files, as far as Iceberg manifests need them (https://avro.apache.org/docs/1.11.1/specification/). Our own because `avsc` drops
 * `field-id` and header metadata for types with a custom long, and rounds 63-bit longs without one (measured on 5.7.9).
 */
export type AvroSchema =
  | 'null'
  | 'boolean'
  | 'int'
  | 'long'
  | 'float'
  | 'double'
  | 'bytes'
  | 'string'
  | readonly AvroSchema[]
  | AvroRecord
  | { readonly type: 'array'; readonly items: AvroSchema; readonly [extra: string]: unknown }
  | { readonly type: Primitive; readonly [extra: string]: unknown };

type Primitive = 'boolean' | 'int' | 'long' | 'float' | 'double' | 'bytes' | 'string';

export interface AvroRecord {
  readonly type: 'record';
  readonly name: string;
  readonly fields: readonly {
    readonly name: string;
    readonly type: AvroSchema;
    readonly [extra: string]: unknown;
  }[];
}

/** Records are objects, unions the bare value, bytes a Uint8Array, longs a number or, above 2^53, a bigint. */
export type AvroValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | readonly AvroValue[]
  | { readonly [field: string]: AvroValue };

export interface AvroFile {
  readonly metadata: Readonly<Record<string, string>>;
  readonly records: readonly Readonly<Record<string, AvroValue>>[];
}

const MAGIC = Buffer.from([0x4f, 0x62, 0x6a, 0x01]);

export function encodeAvro(
  schema: AvroRecord,
  metadata: Readonly<Record<string, string>>,
  records: readonly AvroValue[],
): Uint8Array {
  const header = new Writer();
  header.raw(MAGIC);
  const entries = Object.entries({
    ...metadata,
    'avro.schema': JSON.stringify(schema),
    'avro.codec': 'deflate',
  });
  header.long(entries.length);
  for (const [key, value] of entries) {
    header.text(key);
    header.bytes(Buffer.from(value));
  }
  header.long(0);
  const sync = randomBytes(16);
  header.raw(sync);
  if (records.length > 0) {
    const block = new Writer();
    for (const record of records) encode(block, schema, record);
    header.long(records.length);
    header.bytes(deflateRawSync(block.result()));
    header.raw(sync);
  }
  return header.result();
}

/** @throws TerminalError for what is no Avro file or has a codec other than null and deflate */
export function decodeAvro(file: Uint8Array): AvroFile {
  const reader = new Reader(Buffer.from(file.buffer, file.byteOffset, file.byteLength));
  if (!reader.raw(4).equals(MAGIC)) throw new TerminalError('not an Avro file', { fault: 'headgate' });
  const metadata: Record<string, string> = {};
  for (let count = reader.count(); count > 0; count = reader.count()) {
    for (; count > 0; count--) metadata[reader.text()] = Buffer.from(reader.bytes()).toString();
  }
  reader.raw(16);
  const schema = JSON.parse(metadata['avro.schema'] ?? '') as AvroSchema;
  const inflate = inflater(metadata['avro.codec'] ?? 'null');
  const records: Record<string, AvroValue>[] = [];
  while (!reader.atEnd()) {
    let count = reader.count();
    const block = new Reader(inflate(reader.bytes()));
    for (; count > 0; count--) records.push(decode(block, schema) as Record<string, AvroValue>);
    reader.raw(16);
  }
  return { metadata, records };
}

function inflater(codec: string): (bytes: Buffer) => Buffer {
  if (codec === 'null') return (bytes) => bytes;
  if (codec === 'deflate') return (bytes) => inflateRawSync(bytes);
  throw new TerminalError(`Avro codec ${codec} is not supported; allowed: null, deflate`, {
    fault: 'headgate',
  });
}

function encode(out: Writer, schema: AvroSchema, value: AvroValue): void {
  if (Array.isArray(schema)) {
    const branch = schema.findIndex((each) => (each === 'null') === (value === null));
    out.long(branch);
    if (value !== null) encode(out, schema[branch] as AvroSchema, value);
    return;
  }
  const type =
    typeof schema === 'string'
      ? schema
      : (schema as Exclude<AvroSchema, string | readonly AvroSchema[]>).type;
  switch (type) {
    case 'null':
      return;
    case 'boolean':
      return out.byte(value === true ? 1 : 0);
    case 'int':
    case 'long':
      return out.long(value as number | bigint);
    case 'float':
      return out.raw(floating(4, value as number));
    case 'double':
      return out.raw(floating(8, value as number));
    case 'bytes':
      return out.bytes(value as Uint8Array);
    case 'string':
      return out.text(value as string);
    case 'array': {
      const items = value as readonly AvroValue[];
      const itemSchema = (schema as { items: AvroSchema }).items;
      if (items.length > 0) out.long(items.length);
      for (const item of items) encode(out, itemSchema, item);
      return out.long(0);
    }
    case 'record': {
      const record = value as Readonly<Record<string, AvroValue>>;
      for (const field of (schema as AvroRecord).fields) encode(out, field.type, record[field.name] ?? null);
    }
  }
}

function decode(input: Reader, schema: AvroSchema): AvroValue {
  if (Array.isArray(schema)) return decode(input, schema[input.count()] as AvroSchema);
  const type =
    typeof schema === 'string'
      ? schema
      : (schema as Exclude<AvroSchema, string | readonly AvroSchema[]>).type;
  switch (type) {
    case 'null':
      return null;
    case 'boolean':
      return input.raw(1)[0] === 1;
    case 'int':
    case 'long':
      return input.long();
    case 'float':
      return input.raw(4).readFloatLE();
    case 'double':
      return input.raw(8).readDoubleLE();
    case 'bytes':
      return new Uint8Array(input.bytes());
    case 'string':
      return input.text();
    case 'array': {
      const items: AvroValue[] = [];
      for (let count = input.count(); count !== 0; count = input.count()) {
        // A negative count is followed by the size of the block in bytes.
        if (count < 0) input.count();
        for (let left = Math.abs(count); left > 0; left--)
          items.push(decode(input, (schema as { items: AvroSchema }).items));
      }
      return items;
    }
    case 'record':
      return Object.fromEntries(
        (schema as AvroRecord).fields.map((field) => [field.name, decode(input, field.type)]),
      );
  }
}

const floating = (bytes: 4 | 8, value: number): Buffer => {
  const buffer = Buffer.alloc(bytes);
  if (bytes === 4) buffer.writeFloatLE(value);
  else buffer.writeDoubleLE(value);
  return buffer;
};

class Writer {
  #buffer = Buffer.allocUnsafe(64 * 1024);
  #length = 0;

  #room(bytes: number): void {
    if (this.#length + bytes <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.#length + bytes));
    this.#buffer.copy(larger, 0, 0, this.#length);
    this.#buffer = larger;
  }

  byte(value: number): void {
    this.#room(1);
    this.#buffer[this.#length++] = value;
  }

  raw(bytes: Uint8Array): void {
    this.#room(bytes.length);
    this.#buffer.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** Zigzag, then 7 bits a byte, low ones first. */
  long(value: number | bigint): void {
    if (typeof value === 'number' && value >= -0x40000000 && value < 0x40000000) {
      let small = (value << 1) ^ (value >> 31);
      for (; small > 0x7f; small >>>= 7) this.byte((small & 0x7f) | 0x80);
      return this.byte(small);
    }
    let zigzag = BigInt.asUintN(64, (BigInt(value) << 1n) ^ (BigInt(value) >> 63n));
    for (; zigzag > 0x7fn; zigzag >>= 7n) this.byte(Number(zigzag & 0x7fn) | 0x80);
    this.byte(Number(zigzag));
  }

  bytes(value: Uint8Array): void {
    this.long(value.length);
    this.raw(value);
  }

  text(value: string): void {
    this.bytes(Buffer.from(value));
  }

  result(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }
}

class Reader {
  readonly #buffer: Buffer;
  #position = 0;

  constructor(buffer: Buffer) {
    this.#buffer = buffer;
  }

  atEnd(): boolean {
    return this.#position >= this.#buffer.length;
  }

  raw(bytes: number): Buffer {
    const end = this.#position + bytes;
    if (end > this.#buffer.length || bytes < 0)
      throw new TerminalError('Avro file ends too early', { fault: 'headgate' });
    const part = this.#buffer.subarray(this.#position, end);
    this.#position = end;
    return part;
  }

  long(): number | bigint {
    let result = 0n;
    let shift = 0n;
    let small = 0;
    for (let bits = 0; ; bits += 7) {
      const byte = this.raw(1)[0] ?? 0;
      if (bits < 28) {
        small |= (byte & 0x7f) << bits;
        if (byte < 0x80) return (small >>> 1) ^ -(small & 1);
      } else {
        if (bits === 28) {
          result = BigInt(small);
          shift = 28n;
        }
        result |= BigInt(byte & 0x7f) << shift;
        shift += 7n;
        if (byte < 0x80) break;
      }
    }
    const value = (result >> 1n) ^ -(result & 1n);
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : BigInt.asIntN(64, value);
  }

  count(): number {
    return Number(this.long());
  }

  bytes(): Buffer {
    return this.raw(this.count());
  }

  text(): string {
    return this.bytes().toString();
  }
}
