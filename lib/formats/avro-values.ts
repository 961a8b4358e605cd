import avsc, { type Type } from 'avsc';
import { AvroLogicalType, type LogicalText } from './avro-schema.ts';
import { type CsvLines, pointed } from './canonical.ts';
import { LIMITS } from './limits.ts';

const { types } = avsc;

/** Bytes that are no value of their type; where the next value begins is not known then. */
export class AvroDamage extends Error {
  override readonly name = 'AvroDamage';

  constructor() {
    super('the bytes are no value of the schema');
  }
}

const damage = new AvroDamage();

/** Reads a block's bytes on from where it is. */
export class AvroCursor {
  bytes: Buffer = Buffer.alloc(0);
  at = 0;
  /** A map has a key twice: nobody can tell which value was meant. */
  isOdd = false;
  /** Records in each other. */
  depth = 0;
  isDeep = false;

  /** A bigint beyond 2^53. */
  long(): number | bigint {
    const { bytes } = this;
    let { at } = this;
    let value = 0;
    for (let shift = 0; shift < 28; shift += 7) {
      if (at >= bytes.length) throw damage;
      const byte = bytes[at++] as number;
      value |= (byte & 0x7f) << shift;
      if (byte < 128) {
        this.at = at;
        return (value >>> 1) ^ -(value & 1);
      }
    }
    return this.#big();
  }

  #big(): number | bigint {
    let big = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.bytes[this.at++];
      if (byte === undefined) throw damage;
      big |= BigInt(byte & 0x7f) << shift;
      if (byte >= 128) continue;
      const value = BigInt.asIntN(64, (big >> 1n) ^ -(big & 1n));
      return Number.isSafeInteger(Number(value)) ? Number(value) : value;
    }
    throw damage;
  }

  /** Passes over a long. */
  skipLong(): void {
    const { bytes, at: from } = this;
    let at = from;
    while (at < bytes.length && (bytes[at] as number) >= 128) at++;
    if (at >= bytes.length || at - from > 9) throw damage;
    this.at = at + 1;
  }

  /** A count, a size or a number of something in the schema. */
  count(): number {
    return Number(this.long());
  }

  /** Passes over bytes; where they begin. */
  pass(length: number): number {
    const from = this.at;
    if (!(length >= 0 && from + length <= this.bytes.length)) throw damage;
    this.at = from + length;
    return from;
  }

  taken(length: number): Buffer {
    const from = this.pass(length);
    return this.bytes.subarray(from, from + length);
  }
}

/** What is done with the values of a type. */
export interface AvroCodec {
  /** Passes over a value. @throws AvroDamage where there is none */
  readonly skip: (cursor: AvroCursor) => void;
  /** Writes a value that has been passed over before as a field of a line. */
  readonly field: (cursor: AvroCursor, lines: CsvLines) => void;
  /** Writes it as a part of JSON text. */
  readonly json: (cursor: AvroCursor, lines: CsvLines) => void;
}

/** Codecs of a type and of all in it, made once for each type, recursive ones too. */
export function codecOf(type: Type, made: Map<Type, AvroCodec> = new Map()): AvroCodec {
  const known = made.get(type);
  if (known !== undefined) return known;
  let own: AvroCodec | undefined;
  made.set(type, {
    skip: (cursor) => own?.skip(cursor),
    field: (cursor, lines) => own?.field(cursor, lines),
    json: (cursor, lines) => own?.json(cursor, lines),
  });
  own = newCodec(type, (inner) => codecOf(inner, made));
  made.set(type, own);
  return own;
}

type Write = AvroCodec['json'];

const asField =
  (write: Write): Write =>
  (cursor, lines) => {
    lines.open();
    write(cursor, lines);
    lines.close();
  };

/** Written the same as a field and in JSON. */
const plain = (skip: AvroCodec['skip'], json: Write): AvroCodec => ({ skip, json, field: asField(json) });

/** A text that needs no escapes, in quotes in JSON. */
const quoted = (skip: AvroCodec['skip'], write: Write): AvroCodec => ({
  skip,
  field: asField(write),
  json: (cursor, lines) => {
    lines.text('"');
    write(cursor, lines);
    lines.text('"');
  },
});

function newCodec(type: Type, of: (inner: Type) => AvroCodec): AvroCodec {
  if (type instanceof AvroLogicalType)
    return logicalCodec(of(type.underlyingType), type.underlyingType, type.toText);
  if (type instanceof types.WrappedUnionType) return unionCodec(type.types.map(of));
  if (type instanceof types.RecordType)
    return recordCodec(type.fields.map((field) => ({ name: field.name, ...of(field.type) })));
  if (type instanceof types.MapType) return mapCodec(of(type.valuesType));
  if (type instanceof types.ArrayType) return arrayCodec(of(type.itemsType));
  if (type instanceof types.FixedType) {
    const { size } = type;
    return quoted(
      (cursor) => void cursor.pass(size),
      (cursor, lines) => lines.text(cursor.taken(size).toString('base64')),
    );
  }
  if (type instanceof types.EnumType) {
    const { symbols } = type;
    return quoted(
      (cursor) => {
        if (symbols[cursor.count()] === undefined) throw damage;
      },
      (cursor, lines) => lines.text(symbols[cursor.count()] ?? ''),
    );
  }
  return primitiveCodec(type.typeName);
}

function primitiveCodec(name: string): AvroCodec {
  switch (name) {
    case 'null':
      return {
        skip: () => {},
        field: (_cursor, lines) => lines.none(),
        json: (_cursor, lines) => lines.text('null'),
      };
    case 'boolean':
      return plain(
        (cursor) => void cursor.pass(1),
        (cursor, lines) => lines.text(cursor.bytes[cursor.pass(1)] === 0 ? 'false' : 'true'),
      );
    case 'int':
    case 'long':
      return plain(
        (cursor) => cursor.skipLong(),
        (cursor, lines) => {
          const value = cursor.long();
          if (typeof value === 'number') lines.decimal(value, 0);
          else lines.text(String(value));
        },
      );
    case 'float':
      return floatCodec(4, (cursor) => floatText(cursor.bytes.readFloatLE(cursor.pass(4))));
    case 'double':
      return floatCodec(8, (cursor) => String(cursor.bytes.readDoubleLE(cursor.pass(8))));
    case 'bytes':
      return quoted(skipBytes, (cursor, lines) =>
        lines.text(cursor.taken(cursor.count()).toString('base64')),
      );
    case 'string':
      return {
        skip: skipBytes,
        field: (cursor, lines) => {
          const length = cursor.count();
          const from = cursor.pass(length);
          lines.copied(cursor.bytes, from, from + length);
        },
        json: jsonText,
      };
    default:
      throw new TypeError(`no Avro type ${name}`);
  }
}

const skipBytes = (cursor: AvroCursor): void => void cursor.pass(cursor.count());

/** In quotes, with the escapes that JSON asks for. */
function jsonText(cursor: AvroCursor, lines: CsvLines): void {
  const length = cursor.count();
  let from = cursor.pass(length);
  const { bytes, at: to } = cursor;
  lines.text('"');
  for (let at = from; at < to; at++) {
    const sign = bytes[at] as number;
    if (sign >= 32 && sign !== 34 && sign !== 92) continue;
    lines.copy(bytes, from, at);
    lines.text(JSON.stringify(String.fromCharCode(sign)).slice(1, -1));
    from = at + 1;
  }
  lines.copy(bytes, from, to);
  lines.text('"');
}

/** JSON has no numbers that are not finite. */
function floatCodec(size: number, textOf: (cursor: AvroCursor) => string): AvroCodec {
  return {
    skip: (cursor) => void cursor.pass(size),
    field: asField((cursor, lines) => lines.text(textOf(cursor))),
    json: (cursor, lines) => {
      const text = textOf(cursor);
      lines.text(Number.isFinite(Number(text)) ? text : 'null');
    },
  };
}

/** Digits of a float as short as they can be without naming another float. */
function floatText(number: number): string {
  for (let digits = 6; digits < 9; digits++) {
    const short = Number(number.toPrecision(digits));
    if (Math.fround(short) === number) return String(short);
  }
  return String(number);
}

function logicalCodec({ skip }: AvroCodec, type: Type, logical: LogicalText): AvroCodec {
  const { kind } = logical;
  if (kind === 'number') return quoted(skip, (cursor, lines) => lines.text(logical.text(cursor.long())));
  const sizeOf =
    type instanceof types.FixedType ? () => type.size : (cursor: AvroCursor): number => cursor.count();
  if (kind === 'bytes')
    return quoted(skip, (cursor, lines) => lines.text(logical.text(cursor.taken(sizeOf(cursor)))));
  return plain(skip, (cursor, lines) => {
    const length = sizeOf(cursor);
    const { bytes } = cursor;
    const from = cursor.pass(length);
    // Most decimals are small.
    if (length > 0 && length <= 6) lines.decimal(bytes.readIntBE(from, length), logical.scale);
    else lines.text(decimalText(bytes.subarray(from, from + length), logical.scale));
  });
}

/** Two's complement, big-endian, with the point `scale` digits from the right. */
function decimalText(bytes: Buffer, scale: number): string {
  const unscaled =
    bytes.length === 0 ? 0n : BigInt.asIntN(bytes.length * 8, BigInt(`0x${bytes.toString('hex')}`));
  return pointed(unscaled, scale);
}

function unionCodec(branches: readonly AvroCodec[]): AvroCodec {
  const branch = (cursor: AvroCursor): AvroCodec => {
    const found = branches[cursor.count()];
    if (found === undefined) throw damage;
    return found;
  };
  return {
    skip: (cursor) => branch(cursor).skip(cursor),
    field: (cursor, lines) => branch(cursor).field(cursor, lines),
    json: (cursor, lines) => branch(cursor).json(cursor, lines),
  };
}

/** Deeper than this nothing is passed over, for the stack could end. Only through a record a type holds itself. */
const DEEPEST = 500;

function recordCodec(fields: readonly ({ readonly name: string } & AvroCodec)[]): AvroCodec {
  const names = fields.map(({ name }, index) => `${index === 0 ? '{' : ','}${JSON.stringify(name)}:`);
  return plain(
    (cursor) => {
      if (++cursor.depth > LIMITS.nesting) cursor.isDeep = true;
      if (cursor.depth > DEEPEST) throw damage;
      for (const { skip } of fields) skip(cursor);
      cursor.depth--;
    },
    (cursor, lines) => {
      if (fields.length === 0) lines.text('{');
      for (const [index, { json }] of fields.entries()) {
        lines.text(names[index] ?? '');
        json(cursor, lines);
      }
      lines.text('}');
    },
  );
}

/** Calls `item` for each item of an array or map, which come in groups. */
export function eachItem(cursor: AvroCursor, item: () => void): void {
  for (let count = groupOf(cursor); count > 0; count = groupOf(cursor))
    for (let left = count; left > 0; left--) item();
}

/** Number of items that follow; behind a negative count stands the size of the group in bytes. */
function groupOf(cursor: AvroCursor): number {
  const count = cursor.count();
  if (count < 0) cursor.skipLong();
  return Math.abs(count);
}

/** The key of a map's entry. */
export function keyAt(cursor: AvroCursor, seen: Set<string>): string {
  const key = cursor.taken(cursor.count()).toString();
  if (seen.has(key)) cursor.isOdd = true;
  seen.add(key);
  return key;
}

const arrayCodec = (items: AvroCodec): AvroCodec =>
  plain(
    (cursor) => {
      for (let count = groupOf(cursor); count > 0; count = groupOf(cursor))
        for (let left = count; left > 0; left--) items.skip(cursor);
    },
    (cursor, lines) => {
      let isFirst = true;
      lines.text('[');
      for (let count = groupOf(cursor); count > 0; count = groupOf(cursor))
        for (let left = count; left > 0; left--) {
          if (!isFirst) lines.text(',');
          isFirst = false;
          items.json(cursor, lines);
        }
      lines.text(']');
    },
  );

const mapCodec = (values: AvroCodec): AvroCodec =>
  plain(
    (cursor) => {
      const seen = new Set<string>();
      eachItem(cursor, () => {
        keyAt(cursor, seen);
        values.skip(cursor);
      });
    },
    (cursor, lines) => {
      let before = '{';
      eachItem(cursor, () => {
        lines.text(before);
        before = ',';
        jsonText(cursor, lines);
        lines.text(':');
        values.json(cursor, lines);
      });
      lines.text(before === '{' ? '{}' : '}');
    },
  );
