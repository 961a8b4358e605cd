import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import type { FileFormat } from '../../lib/contract/dataset.ts';
import { xlsxOf, zipOf } from '../support/archives.ts';
import { ROOT } from '../support/headgate.ts';
import { CSV } from '../support/read-format.ts';

const nesting = { paths: [] };
export const FORMATS: Readonly<Record<string, FileFormat>> = {
  csv: CSV,
  json: { kind: 'json' },
  jsonl: { kind: 'jsonl' },
  'nested json': { kind: 'json', nesting: { paths: ['a/b'] }, records: 'data' },
  avro: { kind: 'avro', nesting },
  xml: { kind: 'xml', record: 'r/row', nesting, namespaces: {}, objects: [], lists: [] },
  xlsx: { kind: 'xlsx', sheet: 1, headerRow: 1, dates: [], timestamps: [] },
  parquet: { kind: 'parquet' },
  'fixed width': {
    kind: 'fixedWidth',
    encoding: 'utf-8',
    skipLines: 0,
    fields: [
      { name: 'a', start: 1, length: 2 },
      { name: 'b', start: 3, length: 3 },
    ],
  },
};

/** What each format begins with, so that not every input ends at the first byte. */
const BEGINNINGS: Readonly<Record<string, readonly string[]>> = {
  csv: ['a,b\n1,2\n', '"a"', '\ufeffa,b\r\n'],
  json: ['[{"a":1}', '[', '{"a":'],
  jsonl: ['{"a":1}\n', '{"a":'],
  'nested json': ['{"data":[{"a":{"b":1}}', '{"data":['],
  avro: ['Obj\u0001', 'Obj\u0001\u0002\u0016avro.schema'],
  xml: ['<r><row><a>1</a></row>', '<?xml version="1.0"?><r>', '<!DOCTYPE r [<!ENTITY a "b">]><r>&a;'],
  xlsx: ['PK\u0003\u0004'],
  parquet: ['PAR1'],
  'fixed width': ['12345\n', '1', '\ufeff12345\r\n'],
};
/** A whole file of each format, to be damaged: most of what is made up ends before its first record. */
const SHEET =
  '<sheetData><row r="1"><c r="A1" t="inlineStr"><is><t>a</t></is></c><c r="B1" t="inlineStr"><is><t>b</t></is></c></row><row r="2"><c r="A2"><v>1.50</v></c><c r="B2" t="b"><v>1</v></c></row><row r="3"><c r="A3" t="str"><f>x</f><v>t</v></c></row></sheetData><mergeCells count="1"><mergeCell ref="A2:A3"/></mergeCells>';
const WHOLE: Readonly<Record<string, Buffer>> = {
  csv: Buffer.from('a,b\n1,"two\nlines"\n"say ""so""",4\r\n5,\n'),
  json: Buffer.from('[{"a":1,"b":"é\\u00e9"},\n {"a":-1.50e3,"b":null},{"a":true}]'),
  jsonl: Buffer.from('{"a":1,"b":"é\\ud83d\\ude00"}\n{"a":-1.50,"b":null}\n\n{"b":""}\n'),
  'nested json': Buffer.from('{"x":[1],"data":[{"a":{"b":1,"c":[2]}},{"a":{"b":"é"}},{"a":null}],"y":{}}'),
  avro: readFileSync(join(ROOT, 'samples/advertising/bid_requests/2026-01-20/exchange-a.avro')),
  xml: Buffer.from(
    '<?xml version="1.0"?>\n<r><row k="1"><a>x &amp; y</a><b><![CDATA[<]]></b></row><!-- c --><row k="2"><a>é</a></row></r>',
  ),
  xlsx: xlsxOf(SHEET),
  parquet: readFileSync(join(ROOT, 'test/cases/parquet-bytes/landing/shop/2026-01-31/text.parquet')),
  'fixed width': Buffer.from('12345\nabéde\r\n     \n'),
};
const PACKED: Readonly<Record<string, (plain: Buffer) => Buffer>> = {
  gzip: gzipSync,
  zstd: zstdCompressSync,
  zip: (plain) => zipOf([{ name: 'a', text: plain.toString() }]),
  bzip2: (plain) => Buffer.concat([Buffer.from('425a6839314159265359', 'hex'), plain]),
  'cut gzip': (plain) => gzipSync(plain).subarray(0, -5),
};
const PIECES = [
  '"',
  ',',
  '\n',
  '\r',
  '\0',
  '{',
  '}',
  '[',
  ']',
  '<',
  '>',
  '&',
  '/',
  '\\',
  'PAR1',
  'row',
  '0',
  ' ',
];

const madeUp = (name: string) =>
  fc
    .tuple(
      fc.constantFrom('', ...(BEGINNINGS[name] ?? [])),
      fc.array(
        fc.oneof(
          fc.constantFrom(...PIECES).map((each) => Buffer.from(each)),
          fc.uint8Array({ maxLength: 20 }),
        ),
        { maxLength: 30 },
      ),
    )
    .map(([begin, rest]) => Buffer.concat([Buffer.from(begin, 'latin1'), ...rest]));

/** Up to four places at which bytes are left out, and others put in. */
const damaged = (whole: Buffer) =>
  fc
    .array(
      fc.record({
        at: fc.integer({ min: 0, max: whole.length }),
        out: fc.constantFrom(0, 0, 1, 1, 2, 9, 1_000_000),
        put: fc.oneof(
          fc.constantFrom('', ...PIECES).map((each) => Buffer.from(each)),
          fc.uint8Array({ maxLength: 4 }),
        ),
      }),
      { maxLength: 4 },
    )
    .map((places) =>
      places.reduce<Buffer>(
        (bytes, { at, out, put }) => Buffer.concat([bytes.subarray(0, at), put, bytes.subarray(at + out)]),
        whole,
      ),
    );

/** Bytes for the reader of a format: made up, or a whole file that was damaged; packed or not. */
export const bytesOf = (name: string) =>
  fc
    .tuple(
      fc.oneof(
        madeUp(name),
        { weight: 3, arbitrary: damaged(WHOLE[name] as Buffer) },
        // The archive is whole where its sheet is not.
        ...(name === 'xlsx'
          ? [{ weight: 4, arbitrary: damaged(Buffer.from(SHEET)).map((sheet) => xlsxOf(sheet.toString())) }]
          : []),
      ),
      fc.oneof(
        { weight: 2, arbitrary: fc.constant((plain: Buffer) => plain) },
        fc.constantFrom(...Object.values(PACKED)),
      ),
    )
    .map(([bytes, pack]) => pack(bytes));
