import { describe, expect, test } from '@jest/globals';
import { dateFormOf } from '../../../lib/contract/propose/dates.ts';
import { dialectOf } from '../../../lib/contract/propose/dialect.ts';
import { decoded, encodingOf, kindOf } from '../../../lib/contract/propose/encoding.ts';
import { namedColumns, placeOf, snakeName } from '../../../lib/contract/propose/names.ts';
import { personalOf } from '../../../lib/contract/propose/personal.ts';
import { typeOf } from '../../../lib/contract/propose/types.ts';

test.each([
  ['commas', 'id,name\n1,a\n2,b\n', { delimiter: ',', header: true, skipLines: 0 }],
  ['semicolons with decimal commas', 'id;amount\n1;1,50\n2;2,75\n', { delimiter: ';', header: true }],
  ['tabs', 'id\tname\n1\ta, b\n2\tc, d\n', { delimiter: '\t' }],
  ['pipes', 'id|name\n1|a\n2|b\n', { delimiter: '|' }],
  ['quoted delimiters', 'id,name\n1,"a, b"\n2,"c, d"\n', { delimiter: ',', quote: '"' }],
  ['single quotes', "id,name\n1,'a, b'\n2,'c, d'\n", { delimiter: ',', quote: "'" }],
  ['an apostrophe that opens nothing', "id,town\n1,'s-Hertogenbosch\n2,Delft\n", { quote: '"' }],
  ['backslashes before quotes', 'id,name\n1,"a \\"b\\", c"\n2,"d \\"e\\", f"\n', { escape: '\\' }],
  ['no header', '1,a\n2,b\n', { header: false }],
  [
    'lines before the header',
    'Report of today\n\nid,name\n1,a\n2,b\n3,c\n4,d\n',
    { header: true, skipLines: 2 },
  ],
  ['a header that repeats a name', 'id,id\n1,2\n', { header: false, skipLines: 1 }],
])('the dialect of a file with %s', (_what, text, expected) => {
  expect(dialectOf(text, 'utf-8', true).csv).toMatchObject(expected);
});

test.each([
  [Buffer.from('[{"a":1}]'), 'json', 'utf-8'],
  [Buffer.from('{"a":1}\n{"a":2}\n'), 'jsonl', 'utf-8'],
  [Buffer.from('PAR1....'), 'parquet', 'utf-8'],
  [Buffer.from('a,b\n1,é\n'), 'csv', 'utf-8'],
  [Buffer.from('a,b\n1,é\n', 'latin1'), 'csv', 'windows-1252'],
  [Buffer.from('\uFEFFa,b\n1,é\n', 'utf16le'), 'csv', 'utf-16'],
] as const)('%s is %s in %s', (bytes, kind, encoding) => {
  expect([kindOf(bytes), encodingOf(bytes)]).toEqual([kind, encoding]);
});

test('a head that ends within a character is read up to it', () => {
  const bytes = Buffer.from('a,é').subarray(0, 3);
  expect(encodingOf(bytes)).toBe('utf-8');
  expect(decoded(bytes, 'utf-8')).toBe('a,');
});

test.each([
  [['2026-01-31'], { kind: 'date', formats: [] }],
  [['31/01/2026', '01/02/2026'], { kind: 'date', formats: ['dd/MM/yyyy'] }],
  [['1/31/2026', '12/1/2026'], { kind: 'date', formats: ['M/d/yyyy'] }],
  [['01.02.2026'], { kind: 'date', formats: ['dd.MM.yyyy'], ambiguous: true }],
  [['1/22/20 7:00', '2/1/2020 1:52'], { kind: 'timestamp', formats: ['M/d/yy H:mm', 'M/d/yyyy H:mm'] }],
  [['3-Jan-2026'], { kind: 'date', formats: ['d-MMM-yyyy'] }],
  [['1/31/2026 1:05 PM'], { kind: 'timestamp', formats: ['M/d/yyyy h:mm a'] }],
  [['31/01/2026', '01/31/2026'], undefined],
  [['version 1'], undefined],
])('%j are dates as %j', (texts, form) => {
  expect(dateFormOf(texts)).toEqual(form);
});

test.each([
  ['amount', ['1', '2.50'], { logicalType: 'number', physicalType: 'decimal(18,2)' }],
  ['customer_id', ['17850.0', '1.0'], { logicalType: 'integer', standardize: ['stripZeroFraction'] }],
  ['level', ['1.0', '2.0'], { logicalType: 'number', physicalType: 'decimal(18,1)' }],
  ['code', ['007', '1'], { logicalType: 'string' }],
  ['postcode', ['1234', '5678'], { logicalType: 'string' }],
  ['count', ['1', '-2'], { logicalType: 'integer' }],
  ['big', ['123456789012345678901'], { logicalType: 'number', physicalType: 'decimal(38,0)' }],
  ['ratio', ['1e-7', '2.5'], { logicalType: 'number' }],
  ['lat', ['40.123456789', '0.30000000000000004'], { logicalType: 'number', notes: [expect.anything()] }],
  ['rate', ['0.12345678901234567890'], { logicalType: 'number', physicalType: 'decimal(25,20)' }],
  ['rate', ['1e-7', '12345678901234567.5'], { logicalType: 'string' }],
  ['rate', ['12345678901234567890', `0.${'123'.repeat(7)}`], { logicalType: 'string' }],
  ['paid', ['TRUE', 'false'], { logicalType: 'boolean' }],
  ['order_date', ['20260131'], { logicalType: 'date', dateFormats: ['yyyyMMdd'] }],
  ['amount', ['1', 'N/A'], { logicalType: 'integer', nullTokens: ['N/A'] }],
  ['at', ['14:46:00'], { logicalType: 'string', options: { pattern: expect.any(String) } }],
  ['tags', ['["a"]', '[]'], { logicalType: 'array' }],
  ['note', ['N/A', 'hello'], { logicalType: 'string' }],
  [
    'amount',
    ['1234,5', '2'],
    { physicalType: 'decimal(18,1)', numberFormat: { decimalChar: ',' }, notes: [{ kind: 'evidence' }, {}] },
  ],
  [
    'amount',
    ['-1.234,50', 'n/a'],
    { numberFormat: { decimalChar: ',', groupChar: '.' }, nullTokens: ['n/a'] },
  ],
  ['amount', ['1,234.50', '12'], { numberFormat: { decimalChar: '.', groupChar: ',' } }],
  ['amount', ['1\u202f234,50'], { numberFormat: { decimalChar: ',', groupChar: ' ' } }],
  ['amount', ["1'234.50"], { numberFormat: { decimalChar: '.', groupChar: "'" } }],
  [
    'amount',
    ['1,234', '12'],
    {
      logicalType: 'integer',
      numberFormat: { decimalChar: '.', groupChar: ',' },
      notes: [{ kind: 'unsure', text: expect.stringContaining('the other way') }],
    },
  ],
  ['phone', ['06,12', '1,2'], { logicalType: 'string' }],
  ['contact', ['612 345 678'], { logicalType: 'string', notes: [] }],
  ['version', ['1.100.200'], { logicalType: 'string', notes: [] }],
  [
    'amount',
    ['12.50', '1,2'],
    {
      logicalType: 'string',
      notes: [{ kind: 'unsure', text: expect.stringContaining('not all of one form') }],
    },
  ],
])('%s with %j is %j', (name, texts, type) => {
  expect(typeOf(name, texts)).toMatchObject(type);
});

test.each([
  ['email', [], 'email'],
  ['contact', ['a@b.nl', 'c@d.com'], 'email'],
  ['x', ['NL91ABNA0417164300'], 'account'],
  ['x', ['NL91ABNA0417164301'], undefined],
  ['x', ['4111 1111 1111 1111'], 'card'],
  ['x', ['4111 1111 1111 1112'], undefined],
  ['x', ['+31 6 12345678'], 'phone'],
  ['first_name', [], 'name'],
  ['product_name', [], undefined],
  ['date_of_birth', [], 'birthDate'],
])('a column %s with %j is personal as %s', (name, texts, kind) => {
  expect(personalOf([name], texts)?.pii.kind).toBe(kind);
});

describe('names', () => {
  test.each([
    ['Province/State', 'province_state'],
    ['InvoiceNo', 'invoice_no'],
    ['CPID', 'cpid'],
    ['AÑO', 'ano'],
    ['2nd line', 'c_2nd_line'],
    ['中国', ''],
  ])('%s becomes %s', (source, name) => {
    expect(snakeName(source)).toBe(name);
  });

  test('are joined over files that never have both, and never within one', () => {
    const columns = namedColumns([
      ['Lat', 'Name', 'name'],
      ['Latitude', 'Name', 'name'],
    ]);
    expect(columns.map(({ name, sourceNames }) => [name, sourceNames])).toEqual([
      ['latitude', ['Lat', 'Latitude']],
      ['name_2', ['Name']],
      ['name', []],
    ]);
  });

  test.each([
    [['data/covid_daily/01-22-2020.csv'], 'data/covid_daily/{businessDate:MM-dd-yyyy}.csv'],
    [['in/sales_2026-01-31.csv', 'in/sales_2026-02-01.csv'], 'in/sales/sales_{businessDate:yyyy-MM-dd}.csv'],
    [['shop/orders.csv'], 'shop/orders/*.csv'],
  ])('%j land as %s', (paths, landing) => {
    expect(placeOf(paths, undefined).landing).toBe(landing);
  });
});
