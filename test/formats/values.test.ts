// What the readers take out of bytes, against the libraries that make values of them.
import { describe, expect, test } from '@jest/globals';
import avsc, { type Type } from 'avsc';
import fc from 'fast-check';
import type { FileFormat } from '../../lib/contract/dataset.ts';
import { AvroCursor } from '../../lib/formats/avro-values.ts';
import { CsvLines } from '../../lib/formats/canonical.ts';
import { JsonText } from '../../lib/formats/json-text.ts';
import { readWhole } from '../support/read-format.ts';

const jsonl: FileFormat = { kind: 'jsonl', nesting: { paths: ['in/k'] } };

const isJson = (text: string): boolean => {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
};

const isWalked = (text: string): boolean => {
  const walk = new JsonText();
  walk.bytes = Buffer.from(text);
  walk.end = walk.bytes.length;
  walk.blanks();
  const isValue = walk.leaf();
  walk.blanks();
  return isValue && walk.at === walk.end;
};

describe('JSON', () => {
  const words = ['null', 'true', 'false', '\\u00', '\\ud800', '"a"', '1e', '-0'];
  const signs = fc.string({
    unit: fc.constantFrom(...'{}[]:,"\\/ \t\n\r019.eE+-ntrufalsdb', ...words, 'é', '\u2028', '\u0001'),
    maxLength: 14,
  });
  /** JSON with a sign put in, or in the place of another. */
  const damaged = fc
    .tuple(
      fc.json(),
      fc.nat(),
      fc.nat(1),
      fc.constantFrom('', '"', '\\', ',', '}', ']', '{', '0', '.', 'e', '-'),
    )
    .map(([text, place, gone, sign]) => {
      const at = place % (text.length + 1);
      return text.slice(0, at) + sign + text.slice(at + gone);
    });

  test('takes for JSON what JSON.parse does, and nothing else', () => {
    fc.assert(
      fc.property(fc.oneof(signs, damaged, fc.json()), (text) => {
        expect(isWalked(text)).toBe(isJson(text));
      }),
      { numRuns: 20_000 },
    );
  });

  test('gives the texts that JSON.parse gives, the digits that stand there, and refuses what UTF-8 or CSV can’t hold', async () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.string({ unit: fc.constantFrom('"', '\\', '\n', 'é', '🦔', '\0', '\ud800', 'x') }),
    );
    const numbers = ['-0', '1e400', '1.10', '123456789012345678901234567890', '0.1E-7'];
    const number = fc.constantFrom(...numbers);
    const records = fc.array(fc.record({ t: text, n: number, k: fc.option(text) }), {
      minLength: 1,
      maxLength: 5,
    });
    /** As another program may write it: all in escapes. */
    const escaped = (value: string) =>
      `"${Array.from({ length: value.length }, (_, at) => `\\u${value.charCodeAt(at).toString(16).padStart(4, '0')}`).join('')}"`;
    await fc.assert(
      fc.asyncProperty(records, fc.boolean(), async (all, isEscaped) => {
        const json = isEscaped ? escaped : (value: string) => JSON.stringify(value);
        const lines = all.map(
          ({ t, n, k }) => `{ "t":${json(t)},"n" : ${n},"in":{"k":${k === null ? null : json(k)}} }`,
        );
        const { rows, rejects } = await readWhole(jsonl, Buffer.from(lines.join('\n')));
        const isFit = (value: string | null) =>
          value === null || (value.isWellFormed() && !value.includes('\0'));
        const fit = all.filter(({ t, k }) => isFit(t) && isFit(k));
        expect(rows).toEqual(fit.map(({ t, n, k }) => [t, n, k]));
        expect(rejects).toHaveLength(all.length - fit.length);
      }),
      { numRuns: 150 },
    );
  });

  test('refuses a flat record of which V8 reads a wrong key, and keeps one that has a backslash in it', async () => {
    const lines = ['{"a":1,"\\\\":2}', '{"a":3,"\\n":4}', '{"a":5,"\\"":6}', '{"a":7,"\\u005c":8}'];
    const { profile, rows, rejects } = await readWhole({ kind: 'jsonl' }, Buffer.from(lines.join('\n')));
    const right = [
      ['1', '2', null, null],
      ['3', null, '4', null],
      ['5', null, null, '6'],
      ['7', '8', null, null],
    ];
    // Once V8 is mended, no record is refused.
    const refused = rejects.map(([record]) => record);
    expect(rows.map((row) => [row[0], row[1]])).toEqual(
      right.filter((_row, index) => !refused.includes(index + 1)).map((row) => [row[0], row[1]]),
    );
    expect(refused.every((record) => record === 2 || record === 3)).toBe(true);
    expect(profile.records).toBe(4);
  });

  test('learns no names from records that are none', async () => {
    const lines = ['{"a":1,"x":2', '{"a":1,"y":[1,]}', '{"a":2,"in":{"k":3}}', '{"in":{"z":nul},"w":1}'];
    expect(await readWhole(jsonl, Buffer.from(lines.join('\n')))).toMatchObject({
      profile: { records: 4, header: ['a', 'in/k'] },
      rows: [['2', '3']],
      rejects: [1, 2, 4].map((record) => [record, 'record.malformed']),
    });
  });
});

describe('lines', () => {
  test('write numbers as their own digits', () => {
    const numbers = fc.tuple(fc.oneof(fc.integer(), fc.maxSafeInteger()), fc.integer({ min: 0, max: 12 }));
    fc.assert(
      fc.property(numbers, ([unscaled, scale]) => {
        const lines = new CsvLines(() => undefined);
        lines.decimal(unscaled, scale);
        const text = lines.taken().toString();
        expect(text).toMatch(scale === 0 ? /^-?\d+$/ : new RegExp(`^-?\\d+\\.\\d{${scale}}$`));
        expect(BigInt(text.replace('.', ''))).toBe(BigInt(unscaled));
        expect(text).toMatch(/^-?(0|[1-9]\d*)(\.|$)/);
      }),
      { numRuns: 500 },
    );
  });
});

describe('Avro', () => {
  const schema = {
    type: 'record',
    name: 'r',
    fields: [
      { name: 'long', type: 'long' },
      { name: 'text', type: ['null', 'string'] },
      { name: 'amount', type: { type: 'bytes', logicalType: 'decimal', precision: 18, scale: 2 } },
      { name: 'flag', type: 'boolean' },
      { name: 'double', type: 'double' },
      {
        name: 'in',
        type: [{ type: 'record', name: 'i', fields: [{ name: 'k', type: 'string' }] }, 'null'],
      },
      { name: 'kept', type: { type: 'array', items: ['null', { type: 'map', values: 'string' }] } },
    ],
  } as const;
  const type: Type = avsc.Type.forSchema(schema as never, { wrapUnions: false });
  const cents = (value: bigint): Buffer => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64BE(value);
    return bytes;
  };
  const text = fc.string({
    unit: fc.oneof(fc.constantFrom('"', '\\', '\n', '\u0001', 'é', '🦔'), fc.string({ maxLength: 1 })),
  });
  const records = fc.array(
    fc.record({
      // avsc writes longer ones wrong: -(2^52 + 1) becomes 2^52.
      long: fc.integer({ min: -(2 ** 51), max: 2 ** 51 }),
      text: fc.option(text),
      amount: fc.bigInt({ min: -(10n ** 17n), max: 10n ** 17n }),
      flag: fc.boolean(),
      double: fc.double({ noNaN: true, noDefaultInfinity: true }),
      in: fc.option(fc.record({ k: text })),
      kept: fc.array(fc.option(fc.dictionary(text, text))),
    }),
    { minLength: 1, maxLength: 5 },
  );
  const fileOf = (count: number, bytes: Buffer) => {
    const long = avsc.Type.forSchema('long');
    const meta = avsc.Type.forSchema({ type: 'map', values: 'bytes' });
    const sync = Buffer.alloc(16, 7);
    const head = meta.toBuffer({ 'avro.schema': Buffer.from(JSON.stringify(schema)) });
    return Buffer.concat([
      Buffer.from('Obj\x01', 'latin1'),
      head,
      sync,
      long.toBuffer(count),
      long.toBuffer(bytes.length),
      bytes,
      sync,
    ]);
  };
  const avro: FileFormat = { kind: 'avro', nesting: { paths: ['in/k'] } };

  test('gives back what avsc has written', async () => {
    await fc.assert(
      fc.asyncProperty(records, async (all) => {
        const bytes = Buffer.concat(
          all.map((each) => type.toBuffer({ ...each, amount: cents(each.amount) })),
        );
        const { rows, rejects } = await readWhole(avro, fileOf(all.length, bytes));
        const amountOf = (value: bigint) => {
          const digits = String(value < 0n ? -value : value).padStart(3, '0');
          return `${value < 0n ? '-' : ''}${digits.slice(0, -2)}.${digits.slice(-2)}`;
        };
        expect(rejects).toEqual([]);
        // As text: JSON.parse may read other keys (nodejs/node#63785).
        expect(rows).toEqual(
          all.map(({ long, text: own, amount, flag, double, in: inner, kept }) => [
            String(long),
            own,
            amountOf(amount),
            String(flag),
            String(double),
            inner?.k ?? null,
            JSON.stringify(kept),
          ]),
        );
      }),
      { numRuns: 150 },
    );
  });

  test('reads every long', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), fc.nat(63), (wide, bits) => {
        const value = wide >> BigInt(bits);
        const bytes: number[] = [];
        let left = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n));
        for (; left >= 128n; left >>= 7n) bytes.push(Number(left & 127n) | 128);
        const cursor = new AvroCursor();
        cursor.bytes = Buffer.from([...bytes, Number(left), 0xff]);
        expect(BigInt(cursor.long())).toBe(value);
        const { at } = cursor;
        cursor.at = 0;
        cursor.skipLong();
        expect([at, cursor.at]).toEqual([bytes.length + 1, bytes.length + 1]);
        expect(() => cursor.long()).toThrow('no value of the schema');
        expect(() => cursor.skipLong()).toThrow('no value of the schema');
      }),
      { numRuns: 500 },
    );
  });

  test('refuses bytes that are no UTF-8 and a map with a key twice, and reads on', async () => {
    const bytes = (inside: Buffer, kept: Buffer) =>
      Buffer.concat([Buffer.from([2, 2]), inside, Buffer.from([2, 5, 1, ...new Array(8).fill(0), 2]), kept]);
    const none = Buffer.from([0]);
    const twice = Buffer.from([2, 2, 4, 2, 0x61, 2, 0x62, 2, 0x61, 2, 0x63, 0, 0]);
    const whole = bytes(Buffer.from([2, 0x78]), none);
    const block = [bytes(Buffer.from([2, 0xff]), none), whole, bytes(Buffer.from([2, 0x78]), twice), whole];
    expect(await readWhole(avro, fileOf(4, Buffer.concat(block)))).toMatchObject({
      profile: { records: 4 },
      rows: [
        ['1', 'x', '0.05', 'true', '0', null, '[]'],
        ['1', 'x', '0.05', 'true', '0', null, '[]'],
      ],
      rejects: [
        [1, 'record.malformed'],
        [3, 'record.malformed'],
      ],
    });
  });
});
