import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { deflateRawSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import avsc from 'avsc';
import type { FileFormat, XlsxFormat, XmlFormat } from '../../lib/contract/dataset.ts';
import { LIMITS } from '../../lib/formats/limits.ts';
import { profileFile } from '../../lib/formats/profile.ts';
import { xlsxOf, zipOf } from '../support/archives.ts';
import { ROOT } from '../support/headgate.ts';
import { CSV, readWhole } from '../support/read-format.ts';

const nesting = { paths: [] };
const xml: XmlFormat = { kind: 'xml', record: 'r/row', nesting, namespaces: {}, objects: [], lists: [] };
const xlsx: XlsxFormat = { kind: 'xlsx', sheet: 1, headerRow: 1, dates: [], timestamps: [] };
const jsonl: FileFormat = { kind: 'jsonl', nesting: { paths: ['a/b'] } };

const problemOf = async (format: FileFormat, bytes: Buffer | string) =>
  (await readWhole(format, Buffer.from(bytes as string))).profile.problem;

describe('XML', () => {
  const bomb = `<!DOCTYPE r [<!ENTITY a "ha"><!ENTITY b "${'&a;'.repeat(1000)}">]><r><row><x>&b;</x></row></r>`;
  test.each([
    ['expands no entity', bomb, 'document type'],
    ['reads nothing outside', '<!DOCTYPE r SYSTEM "file:///etc/passwd"><r/>', 'document type'],
    ['knows no entity of its own', '<r><row><x>&secret;</x></row></r>', 'not well-formed'],
    ['refuses a file that is cut off', '<r><row><x>1</x></row>', 'not well-formed'],
    ['refuses crossed elements', '<r><row><x>1</row></x></r>', 'not well-formed'],
    ['names the place that is not there', '<other><row/></other>', 'no place for records at r/row'],
    ['bounds depth', `<r>${'<d>'.repeat(LIMITS.nesting + 1)}`, 'nested deeper'],
    ['bounds a text that never ends', `<r><!--${'x'.repeat(3 * LIMITS.recordBytes)}`, 'longer than'],
    ['refuses an encoding that it does not know', '<?xml version="1.0" encoding="EBCDIC"?><r/>', 'encoding'],
  ])('%s', async (_what, text, message) => {
    expect((await problemOf(xml, text))?.message).toContain(message);
  });

  test('refuses records with an element twice, with text between elements, or too long, and keeps the others', async () => {
    const long = 'x'.repeat(LIMITS.recordBytes + 1);
    const text = `<r><row><x>1</x></row><row><x>1</x><x>2</x></row><row>lost<x>1</x></row><row><x>${long}</x></row><row><x>&lt;5&#x41;</x></row></r>`;
    expect(await readWhole(xml, Buffer.from(text))).toMatchObject({
      profile: { records: 5, header: ['x'] },
      rows: [['1'], ['<5A']],
      rejects: [
        [2, 'record.malformed'],
        [3, 'record.malformed'],
        [4, 'record.too_long'],
      ],
    });
  });

  test('makes rows of a repeated element, with the fields around it, and one of a record without any', async () => {
    const format: XmlFormat = {
      ...xml,
      nesting: { paths: [], rows: 'lines/line' },
      lists: ['lines/line/tag'],
    };
    const text =
      '<r><row id="1"><lines><line><sku>a</sku><tag>x</tag></line><line n="2"><sku>b</sku><tag>y</tag><tag>z</tag></line></lines><end>e</end></row><row id="2"><lines/></row></r>';
    expect(await readWhole(format, Buffer.from(text))).toMatchObject({
      profile: { records: 3, header: ['@id', 'lines/line/sku', 'lines/line/tag', 'lines/line/@n', 'end'] },
      rows: [
        ['1', 'a', '["x"]', null, 'e'],
        ['1', 'b', '["y","z"]', '2', 'e'],
        ['2', null, null, null, null],
      ],
    });
  });
});

describe('nested JSON', () => {
  test('keeps the digits of numbers, and refuses what is no object, has another kind of value on a path, or half a character', async () => {
    const lines = [
      '{"a":{"b":1.10},"c":{ "d" : [1e2, "x y"] }}',
      '[1]',
      '{"a":5}',
      '{"a":null}',
      '{"a":{"b":"\\ud800"}}',
      '{"a":{"b":"\\u0000"}}',
      `{"c":${'['.repeat(LIMITS.nesting + 1)}${']'.repeat(LIMITS.nesting + 1)}}`,
      '{"a":{"b":"q\\"\\\\"}}',
      '{"a":{"b":"first","b":"last"}}',
    ];
    expect(await readWhole(jsonl, Buffer.from(lines.join('\n')))).toMatchObject({
      profile: { records: 9, header: ['a/b', 'c'] },
      rows: [
        ['1.10', '{"d":[1e2,"x y"]}'],
        [null, null],
        ['q"\\', null],
      ],
      rejects: [
        [2, 'record.malformed'],
        [3, 'record.malformed'],
        [5, 'record.malformed'],
        [6, 'record.malformed'],
        [7, 'record.too_deep'],
        [9, 'record.malformed'],
      ],
    });
  });

  test.each([
    ['{"data":{"rows":[{"a":1}', 'cut off'],
    ['{"data":{"other":[]}}', 'no'],
    ['[{"a":1}]', 'array of records at data/rows'],
    ['{"data":{"rows":[]},"data":{"rows":[]}}', 'two arrays'],
    ['{"data":{"rows":[}]}', 'brackets'],
  ])('refuses %s where records stand at data/rows', async (text, message) => {
    const format: FileFormat = { kind: 'json', nesting, records: 'data/rows' };
    expect((await problemOf(format, text))?.message).toContain(message === 'no' ? 'data/rows' : message);
  });
});

test.each(['[}', '[{"a":1}}', '[{"a":1},]', '[{"a":1}],', '"a"[{"a":1}]', '[{"a":1}] "b"', '[{"a":1}'])(
  'no reader takes %s for JSON',
  async (text) => {
    for (const format of [{ kind: 'json' }, { kind: 'json', nesting }] as const)
      expect((await problemOf(format, text))?.code).toBe('file.format');
  },
);

test('a file that is not in its encoding hears of csv.encoding only where there is one', async () => {
  const odd = Buffer.from('{"a":"\xff"}', 'latin1');
  for (const format of [{ kind: 'json' }, jsonl, { kind: 'jsonl' }] as const)
    expect((await problemOf(format, odd))?.message).toMatch(/are not utf-8: send the file in it$/);
  const message = (await problemOf(CSV, odd))?.message;
  expect(message).toContain('change csv.encoding');
});

describe('Avro', () => {
  const avro: FileFormat = { kind: 'avro', nesting };
  const fileOf = (schema: object, blocks: readonly { count: number; bytes: Buffer }[], codec = 'null') => {
    const long = avsc.Type.forSchema('long');
    const meta = avsc.Type.forSchema({ type: 'map', values: 'bytes' });
    const sync = Buffer.alloc(16, 7);
    return Buffer.concat([
      Buffer.from('Obj\x01', 'latin1'),
      meta.toBuffer({ 'avro.schema': Buffer.from(JSON.stringify(schema)), 'avro.codec': Buffer.from(codec) }),
      sync,
      ...blocks.flatMap(({ count, bytes }) => [
        long.toBuffer(count),
        long.toBuffer(bytes.length),
        bytes,
        sync,
      ]),
    ]);
  };
  const record = (fields: readonly object[]) => ({ type: 'record', name: 'r', fields });
  const text = record([{ name: 'x', type: 'string' }]);
  const one = (value: string) => avsc.Type.forSchema('string').toBuffer(value);

  test('reads the records before a damaged one and refuses those after it in the block, so that all are accounted for', async () => {
    const damaged = { count: 4, bytes: Buffer.concat([one('a'), one('b'), Buffer.from([0x7f]), one('d')]) };
    const whole = { count: 1, bytes: one('e') };
    expect(await readWhole(avro, fileOf(text, [damaged, whole]))).toMatchObject({
      profile: { records: 5, header: ['x'] },
      rows: [['a'], ['b'], ['e']],
      rejects: [
        [3, 'record.malformed'],
        [4, 'record.malformed'],
      ],
    });
  });

  test.each([
    ['cut off inside a block', fileOf(text, [{ count: 1, bytes: one('a') }]).subarray(0, -3), 'cut off'],
    ['a head with more records than bytes', fileOf(text, [{ count: 1e9, bytes: one('a') }]), 'damaged'],
    [
      'an array of nothing',
      fileOf(record([{ name: 'x', type: { type: 'array', items: 'null' } }]), []),
      'no bytes',
    ],
    ['a record of nothing', fileOf(record([{ name: 'x', type: 'null' }]), []), 'no bytes'],
    ['a codec nobody knows', fileOf(text, [], 'xz'), 'codec "xz"'],
    ['a schema that is none', fileOf({ type: 'nonsense' }, []), 'not valid'],
    [
      'a block that inflates without end',
      fileOf(text, [{ count: 1, bytes: deflateRawSync(Buffer.alloc(LIMITS.blockBytes + 1)) }], 'deflate'),
      'more than',
    ],
    [
      'small blocks that inflate to much together',
      fileOf(
        text,
        new Array(3).fill({ count: 1, bytes: deflateRawSync(Buffer.alloc(8 * 1024 ** 2)) }),
        'deflate',
      ),
      'inflates to more than 200 times',
    ],
    [
      'a snappy block with a wrong checksum',
      fileOf(text, [{ count: 1, bytes: Buffer.from('0200410000000', 'hex') }], 'snappy'),
      'damaged',
    ],
  ])('refuses %s', async (_what, bytes, message) => {
    expect((await problemOf(avro, bytes))?.message).toContain(message);
  });

  test('writes logical types without loss', async () => {
    const schema = record([
      { name: 'long', type: 'long' },
      { name: 'big', type: { type: 'bytes', logicalType: 'decimal', precision: 30, scale: 4 } },
      { name: 'day', type: { type: 'int', logicalType: 'date' } },
      { name: 'clock', type: { type: 'long', logicalType: 'time-micros' } },
      { name: 'milli', type: { type: 'long', logicalType: 'timestamp-millis' } },
      { name: 'micro', type: { type: 'long', logicalType: 'timestamp-micros' } },
      { name: 'local', type: { type: 'long', logicalType: 'local-timestamp-micros' } },
      { name: 'float', type: 'float' },
      { name: 'union', type: ['null', 'int', 'string', { type: 'array', items: 'int' }] },
      { name: 'uuid', type: { type: 'string', logicalType: 'uuid' } },
    ]);
    const long = (value: bigint) => {
      const bytes: number[] = [];
      let left = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n));
      for (; left >= 128n; left >>= 7n) bytes.push(Number(left & 127n) | 128);
      return Buffer.from([...bytes, Number(left)]);
    };
    const sized = (bytes: Buffer) => Buffer.concat([long(BigInt(bytes.length)), bytes]);
    const float = Buffer.alloc(4);
    float.writeFloatLE(0.1);
    const bytes = Buffer.concat([
      long(-9_223_372_036_854_775_808n),
      sized(Buffer.from('ff4143fc2e9abd6a8a', 'hex')),
      long(-1n),
      long(86_399_000_001n),
      long(-1n),
      long(-1_000_001n),
      long(0n),
      float,
      long(3n),
      Buffer.from([2, 10, 0]),
      sized(Buffer.from('b3d5c7e0-0000-4000-8000-000000000000')),
    ]);
    expect((await readWhole(avro, fileOf(schema, [{ count: 1, bytes }]))).rows).toEqual([
      [
        '-9223372036854775808',
        `${BigInt.asIntN(72, 0xff4143fc2e9abd6a8an)}`.replace(/(\d{4})$/, '.$1'),
        '1969-12-31',
        '23:59:59.000001',
        '1969-12-31T23:59:59.999Z',
        '1969-12-31T23:59:58.999999Z',
        '1970-01-01T00:00:00.000000',
        '0.1',
        '[5]',
        'b3d5c7e0-0000-4000-8000-000000000000',
      ],
    ]);
  });
});

describe('XLSX', () => {
  const cells =
    '<row r="1"><c r="A1" t="inlineStr"><is><t>a</t></is></c><c r="B1" t="inlineStr"><is><t>b</t></is></c></row>';
  const read = (rows: string, after = '') =>
    readWhole(xlsx, xlsxOf(`<sheetData>${cells}${rows}</sheetData>${after}`));

  test('refuses rows whose values are not there, and takes stored values of formulas', async () => {
    const rows =
      '<row r="2"><c r="A2"><f>1+1</f><v>2</v></c><c r="B2" t="str"><f>x</f><v>t</v></c></row>' +
      '<row r="3"><c r="A3"><f>1+1</f></c></row><row r="4"><c r="A4" t="e"><v>#N/A</v></c></row>' +
      '<row r="5"><c r="A5" s="1"/></row><row r="6"><c r="C6"><v>1</v></c></row>' +
      '<row r="7"><c r="B7"><v>1.1000000000000001</v></c></row><row r="8"><c r="A8"><v>1E-7</v></c></row>';
    expect(await read(rows)).toMatchObject({
      profile: { records: 6, header: ['a', 'b'] },
      rows: [
        ['2', 't'],
        [null, '1.1'],
        ['0.0000001', null],
      ],
      rejects: [
        [2, 'record.formula'],
        [3, 'record.formula'],
        [4, 'record.malformed'],
      ],
    });
  });

  test('fills a cell merged over rows, and refuses a row with one merged over columns', async () => {
    const rows =
      '<row r="2"><c r="A2"><v>1</v></c><c r="B2"><v>2</v></c></row><row r="3"><c r="B3"><v>3</v></c></row>' +
      '<row r="4"><c r="A4"><v>4</v></c></row><row r="5"><c r="A5"><v>5</v></c></row>';
    const merged = '<mergeCells><mergeCell ref="A2:A3"/><mergeCell ref="A4:B4"/></mergeCells>';
    expect(await read(rows, merged)).toMatchObject({
      profile: { records: 4 },
      rows: [
        ['1', '2'],
        ['1', '3'],
        ['5', null],
      ],
      rejects: [[3, 'record.merged']],
    });
  });

  test.each([
    ['an old or encrypted workbook', Buffer.from('d0cf11e0a1b11ae1', 'hex'), 'old .xls'],
    ['text', Buffer.from('a,b\n1,2\n'), 'no ZIP archive'],
    ['an archive of something else', zipOf([{ name: 'a.csv', text: 'a' }]), 'a part of it is missing'],
    ['a document type', xlsxOf('', '<!DOCTYPE x [<!ENTITY a "b">]>'), 'document type'],
    ['a workbook that is cut off', xlsxOf('<sheetData/>').subarray(0, 300), 'cut off or damaged'],
    ['no header', xlsxOf('<sheetData/>'), 'row 1 of the sheet has no names'],
  ])('refuses %s', async (_what, bytes, message) => {
    expect((await problemOf(xlsx, bytes))?.message).toContain(message);
  });

  test('elapsed times are hours, not dates; no date lies behind 9999; a position counts the sheets that are shown', async () => {
    const cell = (name: string, style: number, value: string) =>
      `<c r="${name}" s="${style}"><v>${value}</v></c>`;
    const values = [
      cell('A2', 1, '1.5'),
      cell('B2', 2, '2958465'),
      cell('A3', 0, '-0.0625'),
      cell('B3', 2, '2958466'),
    ];
    const rows = [0, 2].map((at) => `<row>${values.slice(at, at + 2).join('')}</row>`).join('');
    const sheets = '<sheet name="old" state="veryHidden" r:id="r0"/><sheet name="s" r:id="r1"/>';
    const formats =
      '<numFmt numFmtId="170" formatCode="[h]:mm:ss"/><numFmt numFmtId="171" formatCode="yyyy-mm-dd"/>';
    const styles = [170, 46, 171].map((id) => `<xf numFmtId="${id}"/>`).join('');
    const bytes = zipOf([
      { name: 'xl/workbook.xml', text: `<workbook xmlns:r="urn:r"><sheets>${sheets}</sheets></workbook>` },
      {
        name: 'xl/_rels/workbook.xml.rels',
        text: '<Relationships><Relationship Id="r0" Target="old.xml"/><Relationship Id="r1" Target="s.xml"/></Relationships>',
      },
      {
        name: 'xl/styles.xml',
        text: `<styleSheet><numFmts>${formats}</numFmts><cellXfs>${styles}</cellXfs></styleSheet>`,
      },
      { name: 'xl/old.xml', text: '<worksheet/>' },
      { name: 'xl/s.xml', text: `<worksheet><sheetData>${cells}${rows}</sheetData></worksheet>` },
    ]);
    expect((await readWhole(xlsx, bytes)).rows).toEqual([
      ['36:00:00', '9999-12-31'],
      ['-1:30:00', '2958466'],
    ]);
    const second = await readWhole({ ...xlsx, sheet: 2 }, bytes);
    expect(second.profile.problem?.message).toContain('no sheet 2; it has "s"');
  });

  test('names the sheets where the one of the contract is not there', async () => {
    const found = await readWhole({ ...xlsx, sheet: 'Data' }, xlsxOf('<sheetData/>'));
    expect(found.profile.problem?.message).toContain('no sheet "Data"; it has "s"');
  });
});

test('a Parquet file of which one byte has changed is refused, or has as many records as before', async () => {
  const whole = readFileSync(join(ROOT, 'test/cases/parquet-bytes/landing/shop/2026-01-31/text.parquet'));
  const recordsOf = async (bytes: Buffer) => {
    const random = {
      bytes: bytes.length,
      slice: async (from: number, to: number) => bytes.subarray(from, to),
    };
    const { problem, records } = await profileFile(Readable.from([bytes]), { kind: 'parquet' }, random);
    return problem?.code ?? records;
  };
  expect(await recordsOf(whole)).toBe(1);
  const outcomes = new Set<string | number>();
  for (let at = 0; at < whole.length; at++) {
    const bytes = Buffer.from(whole);
    bytes[at] = bytes[at] === 3 ? 5 : 3;
    outcomes.add(await recordsOf(bytes));
  }
  expect(outcomes).toEqual(new Set([1, 'file.format']));
});

describe('fixed width', () => {
  const format: FileFormat = {
    kind: 'fixedWidth',
    encoding: 'utf-8',
    skipLines: 0,
    fields: [
      { name: 'a', start: 1, length: 3 },
      { name: 'b', start: 5, length: 2 },
    ],
  };
  test('cuts by characters and refuses lines that are too short or go on', async () => {
    const text = '🦔bc-12\r\n\r\n ab x \nab\nabc 12 more\nabc 12   \rzzz 99';
    expect(await readWhole(format, Buffer.from(text))).toMatchObject({
      profile: { records: 6, header: ['a', 'b'] },
      rows: [
        ['🦔bc', '12'],
        ['ab', 'x'],
        ['abc', '12'],
        ['zzz', '99'],
      ],
      rejects: [
        [3, 'record.malformed'],
        [4, 'record.malformed'],
      ],
    });
  });
});

describe('archives', () => {
  const table = 'a,b\n1,2\n';
  const damaged = zipOf([{ name: 'a.csv', text: table }]);
  damaged[40] = (damaged[40] ?? 0) ^ 0xff;
  test.each([
    [
      'members with other columns',
      zipOf([
        { name: 'x.csv', text: table },
        { name: 'y.csv', text: 'b,a\n1,2\n' },
      ]),
      'file.header',
      'member y.csv has other columns',
    ],
    [
      'a member that can’t be read',
      zipOf([
        { name: 'x.csv', text: table },
        { name: 'y.csv', text: 'a,b\n"1,2\n' },
      ]),
      'file.format',
      'member y.csv: a quoted field',
    ],
    [
      'a ZIP bomb',
      zipOf([{ name: 'x.csv', text: `a,b\n${'0'.repeat(100_000_000)}` }]),
      'file.too_large',
      'inflates to more than',
    ],
    [
      'too many members',
      zipOf(Array.from({ length: LIMITS.members + 1 }, (_, n) => ({ name: `${n}`, text: '' }))),
      'file.too_large',
      'more than 1000 members',
    ],
    ['a member with a wrong checksum', damaged, 'file.format', 'cut off or damaged'],
    [
      'an archive that is cut off',
      zipOf([{ name: 'a.csv', text: table }]).subarray(0, -5),
      'file.format',
      'cut off or damaged',
    ],
    ['an empty archive', zipOf([]), 'file.empty', 'no members'],
    ['a gzip bomb', gzipSync(Buffer.alloc(100_000_000, 48)), 'file.too_large', 'inflates to more than'],
    [
      'a zstd bomb',
      zstdCompressSync(Buffer.alloc(100_000_000, 48)),
      'file.too_large',
      'inflates to more than',
    ],
    [
      'a zstd stream that is cut off',
      zstdCompressSync(Buffer.from(table.repeat(100))).subarray(0, -4),
      'file.format',
      'cut off or damaged',
    ],
    [
      'several zstd frames',
      Buffer.concat([zstdCompressSync(Buffer.from(table)), zstdCompressSync(Buffer.from('3,4\n'))]),
      'file.format',
      'one frame',
    ],
    [
      'a damaged bzip2 stream',
      Buffer.from('425a6839314159265359aabbccdd00112233445566', 'hex'),
      'file.format',
      'cut off or damaged',
    ],
  ])('refuses %s', async (_what, bytes, code, message) => {
    expect(await problemOf(CSV, bytes)).toMatchObject({ code, message: expect.stringContaining(message) });
  });
});
