import { describe, expect, test } from '@jest/globals';
import type { CsvFormat, FileFormat } from '../../lib/contract/dataset.ts';
import { TerminalError } from '../../lib/errors.ts';
import { type Corrections, mend } from '../../lib/formats/mend.ts';
import { CSV } from '../support/read-format.ts';

async function mended(bytes: Buffer, format: FileFormat, corrections: Corrections): Promise<Buffer> {
  const body = (async function* () {
    for (let at = 0; at < bytes.length; at += 3) yield bytes.subarray(at, at + 3);
  })();
  const parts: Uint8Array[] = [];
  for await (const part of mend(body, format, { corrections, width: 2 })) parts.push(part);
  return Buffer.concat(parts);
}
const one = (record: number, field: number | string, text: string): Corrections =>
  new Map([[record, new Map([[field, text]])]]);

describe('mending records', () => {
  test.each<[string, string, CsvFormat, Corrections, string]>([
    ['a field', 'a,b\r\n1,x\r\n2,y', CSV, one(2, 1, 'z'), 'a,b\r\n1,x\r\n2,z'],
    [
      'a record after one of several lines',
      'a,b\n1,"x\ny"\n2,y\n',
      CSV,
      one(2, 0, '3'),
      'a,b\n1,"x\ny"\n3,y\n',
    ],
    ['a text that needs quotes', 'a,b\n1,x\n', CSV, one(1, 1, 'x, "y"'), 'a,b\n1,"x, ""y"""\n'],
    ['a record with a field too many', 'a,b\n1,x,9\n2,y\n', CSV, one(1, 0, '7'), 'a,b\n7,x\n2,y\n'],
    ['a record with a field too few', 'a,b\n1\n', CSV, one(1, 0, '7'), 'a,b\n7,\n'],
    [
      'behind skipped and blank lines',
      '"made, today\na,b\n\n1,x\n',
      { ...CSV, skipLines: 1 },
      one(1, 1, 'z'),
      '"made, today\na,b\n\n1,z\n',
    ],
    [
      'without header, with CR',
      '1;x\r2;y\r',
      { ...CSV, header: false, delimiter: ';' },
      one(2, 1, 'z'),
      '1;x\r2;z\r',
    ],
    ['nothing', 'a,b\n1,x\n', CSV, new Map(), 'a,b\n1,x\n'],
  ])('CSV: %s', async (_what, text, format, corrections, wanted) => {
    expect((await mended(Buffer.from(text), format, corrections)).toString()).toBe(wanted);
  });

  test('keeps the encoding of the file, and says which text it can’t hold', async () => {
    const format = { ...CSV, encoding: 'windows-1252' } as CsvFormat;
    const bytes = Buffer.from('a,b\n1,\x80\n2,y\n', 'latin1');
    expect((await mended(bytes, format, one(2, 1, '€'))).toString('latin1')).toBe('a,b\n1,\x80\n2,\x80\n');
    await expect(mended(bytes, format, one(2, 1, 'Ω'))).rejects.toThrow(/windows-1252/);
    const utf16 = { ...CSV, encoding: 'utf-16' } as CsvFormat;
    const wide = Buffer.from('a,b\n1,é\n', 'utf16le');
    expect((await mended(wide, utf16, one(1, 0, '2'))).toString('utf16le')).toBe('a,b\n2,é\n');
  });

  test('JSON keeps the digits of other fields', async () => {
    const lines = Buffer.from('{"a":1.10,"b":{"c":[1.0]}}\n{"a":2,"b":null}\n');
    expect((await mended(lines, { kind: 'jsonl' }, one(1, 'a', '3'))).toString()).toBe(
      '{"a":"3","b":"{\\"c\\":[1.0]}"}\n{"a":2,"b":null}\n',
    );
    const array = Buffer.from('[{"a":1},\n{"a":2}]');
    expect(JSON.parse((await mended(array, { kind: 'json' }, one(2, 'a', 'x'))).toString())).toEqual([
      { a: 1 },
      { a: 'x' },
    ]);
  });

  test('a format without records of its own is refused, with the way that is open', async () => {
    await expect(mended(Buffer.from('PAR1'), { kind: 'parquet' }, one(1, 'a', 'x'))).rejects.toThrow(
      TerminalError,
    );
  });
});
