import { expect, test } from '@jest/globals';
import { stringify } from 'yaml';
import type { Dataset } from '../../lib/contract/dataset.ts';
import { parseContract } from '../../lib/contract/parse.ts';
import { retentionOf } from '../../lib/contract/retention.ts';

/** One text column `code` and one number `amount` in a feed; each test adds one thing to it. */
interface Additions {
  readonly code?: object;
  readonly amount?: object;
  readonly ingestion?: object;
  readonly quality?: readonly object[];
  readonly properties?: readonly object[];
  readonly custom?: readonly object[];
}

function parsed({ code, amount, ingestion, quality, properties, custom }: Additions): Dataset | undefined {
  const object = {
    name: 'feed',
    customProperties: [
      { property: 'ingestion', value: { landing: 'feed/*.csv', format: 'csv', ...ingestion } },
      ...(custom ?? []),
    ],
    properties: [
      { name: 'code', logicalType: 'string', ...code },
      { name: 'amount', logicalType: 'number', physicalType: 'decimal(18,2)', ...amount },
      ...(properties ?? []),
    ],
    quality: quality ?? [],
  };
  return parseContract(stringify({ ...HEAD, schema: [object] }), 'c.odcs.yaml').datasets[0];
}

const HEAD = {
  kind: 'DataContract',
  apiVersion: 'v3.1.0',
  id: 'x',
  version: '1',
  status: 'active',
  domain: 'shop',
};

const options = (logicalTypeOptions: object) => ({ logicalTypeOptions });
const custom = (property: string, value: unknown) => ({ customProperties: [{ property, value }] });
const rule = (value: object) => ({ quality: [value] });
const extra = (property: object) => ({ properties: [{ name: 'extra', ...property }] });
const inside = (property: object) =>
  extra({ logicalType: 'object', properties: [{ name: 'inner', ...property }] });

/** A dataset `scd2` by `code` and the date `extra`. */
const historical = (dedupe: object, ingestion: object = {}, time: object = {}): Additions => ({
  ...extra({ logicalType: 'date', required: true, ...time }),
  code: { required: true },
  ingestion: { writeMode: 'scd2', dedupe: { keys: ['code'], orderBy: 'extra', ...dedupe }, ...ingestion },
});

test('a history has the names of the contract reference unless the contract says others', () => {
  expect(parsed(historical({}))?.history).toEqual({
    effectiveFrom: 'effective_from',
    effectiveTo: 'effective_to',
    current: 'is_current',
  });
  expect(parsed(historical({}, { scd2: { current: 'now' } }))?.history?.current).toBe('now');
});

test.each<[string, Additions, string]>([
  [
    'a bound that is no date',
    extra({ logicalType: 'date', ...options({ minimum: '01-01-2020' }) }),
    'is no date; allowed: yyyy-MM-dd',
  ],
  [
    'a day that does not exist',
    extra({ logicalType: 'date', ...options({ maximum: '2026-02-30' }) }),
    'is no date',
  ],
  [
    'a bound that is no timestamp',
    extra({ logicalType: 'timestamp', ...options({ minimum: 'yesterday' }) }),
    'is no timestamp',
  ],
  [
    'a bound with more digits than the column',
    { amount: options({ exclusiveMinimum: 0.005 }) },
    '0.005 is no value of decimal(18,2)',
  ],
  [
    'a bound beyond the column',
    { amount: options({ maximum: 1e30 }) },
    '1000000000000000000000000000000 is no value',
  ],
  [
    'a step below the column’s',
    { amount: options({ multipleOf: 1e-7 }) },
    '0.0000001 is no value of decimal(18,2)',
  ],
  ['a step of a double', extra({ logicalType: 'number', ...options({ multipleOf: 0.1 }) }), 'never exact'],
  [
    'a fraction as bound of an integer',
    extra({ logicalType: 'integer', ...options({ minimum: 1.5 }) }),
    '1.5 is no integer of 64 bits',
  ],
  [
    'a bound beyond 32 bits',
    extra({ logicalType: 'integer', ...options({ format: 'i32', maximum: 3e9 }) }),
    '3000000000 is no integer of 32 bits',
  ],
  [
    'look-ahead in a rule',
    { code: rule({ metric: 'invalidValues', arguments: { pattern: '(?=a).*' }, mustBe: 0 }) },
    'look-around',
  ],
  ['a back reference', { code: options({ pattern: '(a)\\1' }) }, 'back references'],
  ['a class that only ECMA-262 has', { code: options({ pattern: '[^]' }) }, 'an empty class'],
  ['a repetition that RE2 refuses', { code: options({ pattern: 'a{1,2000}' }) }, 'a repetition above 1000'],
  ['a pattern that is none', { code: options({ pattern: '(' }) }, 'is no regular expression'],
  ['a format that nothing checks', { code: options({ format: 'iban' }) }, '"iban" is not supported'],
  [
    'options of a list that nothing checks',
    extra({ logicalType: 'array', ...options({ minItems: 1 }) }),
    'minItems of array is not supported yet',
  ],
  [
    'an unknown argument',
    { code: rule({ metric: 'nullValues', arguments: { some: 1 }, mustBe: 0 }) },
    'argument some is not known',
  ],
  [
    'two rules in one',
    { code: rule({ metric: 'invalidValues', arguments: { validValues: ['a'], pattern: 'a' }, mustBe: 0 }) },
    'two rules',
  ],
  [
    'numbers as values of a text',
    { code: rule({ metric: 'invalidValues', arguments: { validValues: [1.0] }, mustBe: 0 }) },
    'write numbers and booleans in quotes',
  ],
  [
    'duplicates of a column that is not there',
    { quality: [{ metric: 'duplicateValues', arguments: { properties: ['nope'] }, mustBe: 0 }] },
    'column nope does not exist; allowed: code, amount',
  ],
  [
    'between upside down',
    { quality: [{ metric: 'rowCount', mustBeBetween: [5, 1] }] },
    'the smaller number stands first',
  ],
  [
    'a unit that nothing measures',
    { quality: [{ metric: 'rowCount', mustBeGreaterThan: 1, unit: 'dozens' }] },
    'unit "dozens" is not supported',
  ],
  ['a rule that says nothing', { quality: [{ description: 'fine' }] }, 'a rule needs a metric or a type'],
  [
    'pii on the object',
    { custom: [{ property: 'pii', value: { kind: 'x', action: 'drop' } }] },
    'pii belongs to a property',
  ],
  ['onFailure on a column', { code: custom('onFailure', 'hold') }, 'onFailure belongs to a quality rule'],
  [
    'a secret inside an object',
    inside({ logicalType: 'string', classification: 'secret' }),
    'needs pii on extra',
  ],
  [
    'pii inside an object',
    inside({ logicalType: 'string', ...custom('pii', { kind: 'x', action: 'drop' }) }),
    'not here',
  ],
  [
    'a secret inside a list',
    extra({ logicalType: 'array', items: { logicalType: 'string', classification: 'secret' } }),
    'needs pii on extra',
  ],
  [
    'checks inside an object',
    inside({ logicalType: 'string', required: true }),
    'required inside an object or array is not supported yet',
  ],
  [
    'a partition transform without partition',
    extra({ logicalType: 'date', ...custom('partitionTransform', 'month') }),
    'needs partitioned: true',
  ],
  [
    'date formats of a text',
    { code: custom('dateFormats', ['yyyy']) },
    'dateFormats need logicalType date or timestamp',
  ],
  [
    'a number format of a text',
    { code: custom('numberFormat', { decimalChar: ',' }) },
    'numberFormat needs logicalType integer or number',
  ],
  [
    'one sign for fractions and groups',
    extra({ logicalType: 'integer', ...custom('numberFormat', { decimalChar: ',', groupChar: ',' }) }),
    'decimalChar and groupChar must differ',
  ],
  [
    'a number format with another sign',
    extra({ logicalType: 'integer', ...custom('numberFormat', { groupChar: '_' }) }),
    'groupChar',
  ],
  [
    'replacePartitions without partition',
    { ingestion: { writeMode: 'replacePartitions' } },
    'needs a partitioned column',
  ],
  [
    'a history without time',
    { ingestion: { writeMode: 'scd2', dedupe: { keys: ['code'] } }, code: { required: true } },
    'writeMode scd2 needs dedupe.orderBy: a required date or timestamp',
  ],
  [
    'a history without key',
    { ingestion: { writeMode: 'scd2' } },
    'writeMode scd2 needs dedupe.keys or a primaryKey',
  ],
  [
    'a history whose time is its key',
    historical({ keys: ['extra'] }),
    'extra is the time of a version and also the key',
  ],
  [
    'a history whose time is optional',
    historical({}, {}, { required: false }),
    'needs dedupe.orderBy: a required date or timestamp',
  ],
  [
    'a history with a column of the contract',
    historical({}, { scd2: { current: 'amount' } }),
    'scd2: amount is a column of the contract',
  ],
  [
    'a history with one name for two columns',
    historical({}, { scd2: { effectiveTo: 'effective_from' } }),
    'scd2: two columns are named effective_from',
  ],
  [
    'a history with a column that no table can have',
    historical({}, { scd2: { current: 'isCurrent' } }),
    'scd2.current: allowed: up to 200 small letters, digits, _',
  ],
  [
    'a column that no table can have',
    { code: { physicalName: 'c'.repeat(201) } },
    'is no column name; allowed: up to 200 small letters, digits, _',
  ],
  [
    'names of a history without history',
    { ingestion: { scd2: {} } },
    'scd2 goes with writeMode: scd2, not append',
  ],
  [
    'one source name for two columns',
    { code: custom('sourceNames', ['x']), amount: custom('sourceNames', ['x']) },
    'x is a name of code and of amount',
  ],
  [
    'a minimum above the maximum',
    { amount: options({ minimum: 5, maximum: 1 }) },
    'schema[0].properties[1].logicalTypeOptions.minimum: no value satisfies minimum 5, maximum 1 together',
  ],
  [
    'exclusive bounds with nothing between',
    extra({ logicalType: 'integer', ...options({ exclusiveMinimum: 1, exclusiveMaximum: 2 }) }),
    'no value satisfies exclusiveMinimum 1, exclusiveMaximum 2 together',
  ],
  [
    'a step that no value within the bounds has',
    { amount: options({ minimum: 1, maximum: 2, multipleOf: 5 }) },
    'multipleOf 5 together',
  ],
  [
    'days upside down',
    extra({ logicalType: 'date', ...options({ minimum: '2026-02-01', maximum: '2026-01-31' }) }),
    'no value satisfies minimum 2026-02-01',
  ],
  [
    'a double between equal open bounds',
    extra({ logicalType: 'number', ...options({ minimum: 1, exclusiveMaximum: 1 }) }),
    'no value satisfies',
  ],
  [
    'a shortest text above the longest',
    { code: options({ minLength: 3, maxLength: 2 }) },
    'no text has such a length',
  ],
  [
    'unknown letters in a date format',
    extra({ logicalType: 'date', ...custom('dateFormats', ['yyyy-MM-dd', 'yyyy-QQ']) }),
    'schema[0].properties[2].customProperties[0].value[1]: date pattern yyyy-QQ: QQ is not supported; allowed: yyyy',
  ],
  [
    'unknown letters in the format of a timestamp',
    extra({ logicalType: 'timestamp', ...options({ format: 'yyyy-MM-dd HH:mm Z' }) }),
    'logicalTypeOptions.format: date pattern yyyy-MM-dd HH:mm Z: Z is not supported',
  ],
  [
    'minutes for months in a date format',
    extra({ logicalType: 'date', ...options({ format: 'yyyy-mm-dd' }) }),
    'logicalTypeOptions.format: date pattern yyyy-mm-dd has days without a month; M is the month, m the minute',
  ],
  [
    'minutes without hours',
    extra({ logicalType: 'timestamp', ...options({ format: 'yyyy-mm' }) }),
    'minutes without hours',
  ],
  [
    'a part of a date format that may be left out',
    extra({ logicalType: 'timestamp', ...options({ format: 'yyyy-MM-dd[ HH:mm]' }) }),
    'date pattern yyyy-MM-dd[ HH:mm]: [ is not supported',
  ],
  ['a quote without end', extra({ logicalType: 'date', ...options({ format: "yyyy-MM-dd'T" }) }), "' is not"],
  [
    'half a day without its half',
    extra({ logicalType: 'timestamp', ...options({ format: 'yyyy-MM-dd hh:mm' }) }),
    'need a for the half of the day',
  ],
  [
    'a valid value that the column can never have',
    { amount: rule({ metric: 'invalidValues', arguments: { validValues: [5.005] }, mustBe: 0 }) },
    '5.005 is no value of decimal(18,2)',
  ],
  [
    'a primary key that may repeat',
    { code: { primaryKey: true, required: true }, ingestion: { dedupe: { keys: ['*'] } } },
    'the primary key code is not unique where rows are the same by code, amount',
  ],
  ['a line break as delimiter', { ingestion: { csv: { delimiter: '\n' } } }, 'a line break ends records'],
  [
    'a quote as delimiter',
    { ingestion: { csv: { delimiter: '"' } } },
    'the delimiter is also quote or escape',
  ],
])(
  'a contract with %s is refused: it would be passed over or blamed on a file',
  (_what, additions, message) => {
    expect(() => parsed(additions)).toThrow(message);
  },
);

test('a service level that names a table is about that table only', () => {
  const feed = (name: string) => ({
    name,
    customProperties: [{ property: 'ingestion', value: { landing: `${name}/*.csv`, format: 'csv' } }],
    properties: [{ name: 'day', logicalType: 'date' }],
  });
  const kept = (value: number, element?: string) => ({
    property: 'retention',
    value,
    unit: 'y',
    ...(element === undefined ? {} : { element }),
  });
  const periods = (slaProperties: readonly object[], more: object = {}) =>
    parseContract(
      stringify({ ...HEAD, ...more, slaProperties, schema: [feed('clicks'), feed('orders')] }),
      'c.odcs.yaml',
    ).datasets.map((dataset) => retentionOf(dataset)?.years);
  expect(periods([kept(1, 'clicks.day'), kept(7, 'orders')])).toEqual([1, 7]);
  expect(periods([kept(1, 'clicks')])).toEqual([1, undefined]);
  expect(periods([kept(3, 'clicks.day, orders.day')])).toEqual([3, 3]);
  expect(periods([kept(3)])).toEqual([3, 3]);
  expect(periods([kept(3, 'day')])).toEqual([3, 3]);
  expect(periods([kept(3)], { slaDefaultElement: 'orders.day' })).toEqual([undefined, 3]);
});

test('a flag whose name is short and near to one of ours is the author’s own', () => {
  expect(parsed({ code: custom('pci', true) })?.columns[0]?.pii).toBeUndefined();
});

test.each([`$\{column}`, '{column}', '{property}'])(
  '%s in a query is the property of its rule',
  (placeholder) => {
    const query = `SELECT count(*) FROM \${table} WHERE ${placeholder} < 0;`;
    const amount = rule({ type: 'sql', query, mustBe: 0 });
    expect(parsed({ amount })?.batchChecks[0]?.measure).toEqual({
      kind: 'sql',
      query: `SELECT count(*) FROM \${table} WHERE "amount" < 0`,
    });
    expect(() => parsed({ quality: [{ type: 'sql', query, mustBe: 0 }] })).toThrow('means nothing here');
  },
);

test('a list of missing values with null refuses null too', () => {
  const dataset = parsed({
    code: rule({ metric: 'missingValues', arguments: { missingValues: [null, '', 'N/A'] }, mustBe: 0 }),
  });
  expect(dataset?.rowChecks.map(({ key, code, test }) => ({ key, code, test }))).toEqual([
    {
      key: 'code.missingValues',
      code: 'value.missing',
      test: { kind: 'forbidden', values: ['', '', 'N/A'] },
    },
    { key: 'code.missingValues.2', code: 'value.missing', test: { kind: 'required' } },
  ]);
});

test('bounds are plain numbers, without exponents', () => {
  const dataset = parsed(
    extra({
      logicalType: 'number',
      physicalType: 'decimal(38,10)',
      ...options({ minimum: -1e-7, maximum: 1.5e21 }),
    }),
  );
  expect(dataset?.rowChecks[0]?.test).toEqual({
    kind: 'range',
    min: '-0.0000001',
    max: '1500000000000000000000',
  });
});

test.each([
  ['::1', true],
  ['2001:db8::8:800:200c:417a', true],
  ['1:2:3:4:5:6:7:8', true],
  ['1:2:3:4:5:6:7::', true],
  ['::ffff:129.144.52.38', true],
  ['1:2:3:4:5:6:7', false],
  ['1::2::3', false],
  ['1:2:3:4:5:6:7:8:9', false],
  ['::ffff:256.0.0.1', false],
])('%s is an IPv6 address: %s', (text, is) => {
  const found = parsed({ code: options({ format: 'ipv6' }) })?.rowChecks[0]?.test;
  expect(found?.kind === 'pattern' && new RegExp(`^(?:${found.pattern})$`).test(text)).toBe(is);
});

const at = (path: string) => custom('path', path);

test.each<[string, Additions, string]>([
  [
    'a dialect of another format',
    { ingestion: { xml: { record: 'a/b' } } },
    'xml is given, but format is csv',
  ],
  ['XML without a record', { ingestion: { format: 'xml' } }, 'format xml needs xml: { record'],
  [
    'a path in a flat format',
    { code: at('a/b') },
    'format csv is not nested; allowed with json, jsonl, avro, xml',
  ],
  [
    'one path for two columns',
    { ingestion: { format: 'avro' }, code: at('a/b'), amount: at('a/b') },
    'two columns have the path a/b',
  ],
  [
    'a path through a value',
    { ingestion: { format: 'jsonl' }, code: at('a'), amount: at('a/b') },
    'path a is a value of one column and holds a/b',
  ],
  [
    'records inside lines',
    { ingestion: { format: 'jsonl', json: { records: 'a' } } },
    'json.records belongs to format json',
  ],
  ['no positions', { ingestion: { format: 'fixedWidth' } }, 'format fixedWidth needs a position for code'],
  [
    'positions in a format without',
    { code: custom('position', { start: 1, length: 2 }) },
    'code has a position, but format is csv',
  ],
  [
    'positions that overlap',
    {
      ingestion: { format: 'fixedWidth' },
      code: custom('position', { start: 1, length: 3 }),
      amount: custom('position', { start: 3, length: 2 }),
    },
    'the positions of code and amount overlap',
  ],
  [
    'a position from zero',
    { ingestion: { format: 'fixedWidth' }, code: custom('position', { start: 0, length: 3 }) },
    'position',
  ],
  ['a sheet before the first', { ingestion: { format: 'xlsx', xlsx: { sheet: 0 } } }, 'sheet'],
  ['an unknown key of a dialect', { ingestion: { format: 'xlsx', xlsx: { tab: 1 } } }, 'tab'],
  [
    'a prefix that is none',
    { ingestion: { format: 'xml', xml: { record: 'a', namespaces: { '1x': 'urn:x' } } } },
    'namespaces',
  ],
])('a contract with %s is refused', (_what, additions, message) => {
  expect(() => parsed(additions)).toThrow(message);
});

test('places of columns make the format that the readers are given', () => {
  const nested = parsed({
    ingestion: { format: 'json', json: { records: 'data', rows: 'items' } },
    code: at('items/sku'),
  });
  expect(nested?.format).toEqual({
    kind: 'json',
    records: 'data',
    nesting: { paths: ['items/sku'], rows: 'items' },
  });
  expect(nested?.columns[0]?.sourceNames).toEqual(['items/sku']);
  expect(parsed({ ingestion: { format: 'json' } })?.format).toEqual({ kind: 'json' });
  expect(parsed({ ingestion: { format: 'xlsx' } })?.format).toMatchObject({
    kind: 'xlsx',
    sheet: 1,
    headerRow: 1,
  });
});
