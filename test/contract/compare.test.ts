import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { stringify } from 'yaml';
import { bumpOf, compareContracts } from '../../lib/contract/compare.ts';
import { parseContract } from '../../lib/contract/parse.ts';
import { bumped, isBumped, versionOf } from '../../lib/contract/version.ts';
import { headgate, json, ROOT } from '../support/headgate.ts';
import { temporaryFolder } from '../support/temporary.ts';

interface Parts {
  readonly ingestion?: object;
  readonly code?: object;
  readonly amount?: object;
  readonly day?: object;
  readonly more?: readonly object[];
  readonly order?: readonly string[];
  readonly quality?: readonly object[];
  readonly root?: object;
  readonly object?: object;
}

const custom = (...pairs: readonly (readonly [string, unknown])[]) => ({
  customProperties: pairs.map(([property, value]) => ({ property, value })),
});
const options = (logicalTypeOptions: object) => ({ logicalTypeOptions });
const rules = (...quality: readonly object[]) => ({ quality });

function textOf({ ingestion, code, amount, day, more, order, quality, root, object }: Parts): string {
  const properties: readonly { readonly name: string }[] = [
    { name: 'code', logicalType: 'string', ...code },
    { name: 'amount', logicalType: 'number', physicalType: 'decimal(18,2)', ...amount },
    { name: 'day', logicalType: 'date', ...day },
    ...((more ?? []) as { name: string }[]),
  ].filter((each) => !('without' in each));
  const sorted =
    order === undefined ? properties : order.map((name) => properties.find((each) => each.name === name));
  return stringify({
    kind: 'DataContract',
    apiVersion: 'v3.1.0',
    id: 'x',
    version: '1.0.0',
    status: 'active',
    domain: 'shop',
    ...root,
    schema: [
      {
        name: 'feed',
        ...custom(['ingestion', { landing: 'feed/*.csv', format: 'csv', ...ingestion }]),
        properties: sorted,
        quality: quality ?? [],
        ...object,
      },
    ],
  });
}

const contract = (parts: Parts) => parseContract(textOf(parts), 'c.odcs.yaml');
const min = (minimum: number) => options({ minimum });
const listed = (...validValues: readonly string[]) =>
  rules({ metric: 'invalidValues', arguments: { validValues }, mustBe: 0 });
const warned = (...validValues: readonly string[]) =>
  rules({ metric: 'invalidValues', arguments: { validValues }, mustBe: 0, severity: 'warning' });
const rowCount = (operator: object) => ({ quality: [{ metric: 'rowCount', ...operator }] });
const lenient = { ingestion: { drift: { missingColumn: 'null' } } };
const extra = (property: object = {}) => ({ more: [{ name: 'extra', logicalType: 'string', ...property }] });
const positional = { ingestion: { csv: { header: false } } };

const retention = (value: number, unit: string) => ({
  root: { slaProperties: [{ property: 'retention', value, unit }] },
});
/** JSON lines, and a CSV file of another source. */
const mixed = (drift: object, csv: object = {}) => ({
  format: 'jsonl',
  drift,
  alsoFrom: [{ landing: 'other/*.csv', format: 'csv', csv }],
});
const fields = (...more: readonly object[]) => ({
  ingestion: { format: 'fixedWidth', drift: { missingColumn: 'null' } },
  code: custom(['position', { start: 1, length: 5 }]),
  amount: custom(['position', { start: 6, length: 5 }]),
  day: custom(['position', { start: 13, length: 10 }]),
  more,
});
const field = (start: number) => ({
  name: 'extra',
  logicalType: 'string',
  ...custom(['position', { start, length: 2 }]),
});
const between = (minimum: string, maximum: string) =>
  extra({ logicalType: 'timestamp', ...options({ minimum, maximum }) });

const HISTORY = { writeMode: 'scd2', dedupe: { keys: ['code'], orderBy: 'day' } };
const DATED = { code: { required: true }, day: { required: true } };

/** Each pair of versions read forwards and backwards: what it is, before, after, effect forwards, effect backwards. */
const MATRIX: readonly (readonly [string, Parts, Parts, string, string])[] = [
  ['another id', {}, { root: { id: 'y' } }, 'breaking', 'breaking'],
  ['another landing pattern', {}, { ingestion: { landing: 'other/*.csv' } }, 'breaking', 'breaking'],
  ['another format', {}, { ingestion: { format: 'jsonl' } }, 'breaking', 'breaking'],
  ['another delimiter', {}, { ingestion: { csv: { delimiter: ';' } } }, 'breaking', 'breaking'],
  [
    'a trailer',
    {},
    { ingestion: { csv: { trailer: { prefix: 'T', countField: 1 } } } },
    'breaking',
    'breaking',
  ],
  ['another write mode', {}, { ingestion: { writeMode: 'replace' } }, 'breaking', 'breaking'],
  [
    'dedupe',
    { code: { required: true } },
    { code: { required: true }, ingestion: { dedupe: { keys: ['code'] } } },
    'breaking',
    'breaking',
  ],
  ['duplicate files reloaded', {}, { ingestion: { duplicateFile: 'reload' } }, 'breaking', 'breaking'],
  ['missing columns let in', {}, lenient, 'compatible', 'breaking'],
  [
    'added columns ignored',
    {},
    { ingestion: { drift: { addedColumn: 'ignore' } } },
    'compatible',
    'breaking',
  ],
  [
    'added columns taken into the table',
    {},
    { ingestion: { drift: { addedColumn: 'evolve' } } },
    'compatible',
    'breaking',
  ],
  [
    'rows with added columns refused and no longer taken',
    { ingestion: { drift: { addedColumn: 'ignore' } } },
    { ingestion: { drift: { addedColumn: 'quarantine' } } },
    'breaking',
    'compatible',
  ],
  [
    'added columns no longer filled',
    { ingestion: { drift: { addedColumn: 'evolve' } } },
    { ingestion: { drift: { addedColumn: 'ignore' } } },
    'breaking',
    'compatible',
  ],
  [
    'types no longer widened',
    { ingestion: { drift: { retyped: 'evolve' } } },
    { ingestion: { drift: { retyped: 'quarantine' } } },
    'breaking',
    'compatible',
  ],
  ['retyped files refused', {}, { ingestion: { drift: { retyped: 'reject' } } }, 'breaking', 'compatible'],
  [
    'another source of the same rows',
    {},
    { ingestion: { alsoFrom: [{ landing: 'other/*.jsonl', format: 'jsonl' }] } },
    'compatible',
    'breaking',
  ],
  ['another order refused', {}, { ingestion: { drift: { reordered: 'reject' } } }, 'breaking', 'compatible'],
  ['more rejects allowed', {}, { ingestion: { maxRejectPercent: 9 } }, 'compatible', 'breaking'],
  ['a higher quality score', {}, { ingestion: { qualityScoreAbove: 95 } }, 'breaking', 'compatible'],
  [
    'another name in a history',
    { ...DATED, ingestion: HISTORY },
    { ...DATED, ingestion: { ...HISTORY, scd2: { current: 'now' } } },
    'breaking',
    'breaking',
  ],
  ['a raw table', {}, { ingestion: { raw: true } }, 'compatible', 'breaking'],
  ['another engine', {}, { ingestion: { engine: 'duckdb' } }, 'documentation', 'documentation'],
  [
    'service levels',
    {},
    { root: { slaProperties: [{ property: 'latency', value: 6 }] } },
    'compatible',
    'compatible',
  ],
  ['rows kept no longer than a time', {}, retention(7, 'y'), 'breaking', 'compatible'],
  ['a shorter retention', retention(1, 'y'), retention(51, 'w'), 'breaking', 'compatible'],
  [
    'the same retention in other words',
    retention(1, 'y'),
    retention(12, 'months'),
    'compatible',
    'compatible',
  ],
  ['a description', {}, { object: { description: 'rows' } }, 'documentation', 'documentation'],
  [
    'a purpose, which nothing acts on',
    {},
    { root: { description: { purpose: 'x' } } },
    'documentation',
    'documentation',
  ],
  ['a column that files may lack', lenient, { ...lenient, ...extra() }, 'compatible', 'breaking'],
  ['a column that every file must have', {}, extra(), 'breaking', 'breaking'],
  ['a required column', lenient, { ...lenient, ...extra({ required: true }) }, 'breaking', 'breaking'],
  [
    'a personal column',
    lenient,
    { ...lenient, ...extra(custom(['pii', { kind: 'x', action: 'drop' }])) },
    'breaking',
    'breaking',
  ],
  [
    'a column of JSON',
    { ingestion: { format: 'jsonl' } },
    { ingestion: { format: 'jsonl' }, ...extra() },
    'compatible',
    'breaking',
  ],
  [
    'a personal column of JSON',
    { ingestion: { format: 'jsonl' } },
    { ingestion: { format: 'jsonl' }, ...extra(custom(['pii', { kind: 'x', action: 'drop' }])) },
    'breaking',
    'breaking',
  ],
  [
    'a column that files of another source lack',
    { ingestion: mixed({}) },
    { ingestion: mixed({}), ...extra() },
    'breaking',
    'breaking',
  ],
  [
    'a column that files of another source may lack',
    { ingestion: mixed({ missingColumn: 'null' }) },
    { ingestion: mixed({ missingColumn: 'null' }), ...extra() },
    'compatible',
    'breaking',
  ],
  [
    'a field of another source without header',
    { ingestion: mixed({ missingColumn: 'null' }, { header: false }) },
    { ingestion: mixed({ missingColumn: 'null' }, { header: false }), ...extra() },
    'breaking',
    'breaking',
  ],
  [
    'another order of fields of another source',
    { ingestion: mixed({}, { header: false }) },
    { ingestion: mixed({}, { header: false }), order: ['day', 'code', 'amount'] },
    'breaking',
    'breaking',
  ],
  ['a field within lines of fixed width', fields(), fields(field(11)), 'compatible', 'breaking'],
  ['a field behind the end of lines', fields(), fields(field(23)), 'breaking', 'breaking'],
  ['a field of files without header', positional, { ...positional, ...extra() }, 'breaking', 'breaking'],
  [
    'another order of named columns',
    {},
    { order: ['day', 'code', 'amount'] },
    'documentation',
    'documentation',
  ],
  [
    'another order of fields',
    positional,
    { ...positional, order: ['day', 'code', 'amount'] },
    'breaking',
    'breaking',
  ],
  [
    'a renamed column',
    {},
    { code: { name: 'sku', ...custom(['sourceNames', ['code']]) } },
    'breaking',
    'breaking',
  ],
  ['a wider decimal', {}, { amount: { physicalType: 'decimal(20,2)' } }, 'compatible', 'breaking'],
  ['a decimal of another scale', {}, { amount: { physicalType: 'decimal(20,3)' } }, 'breaking', 'breaking'],
  [
    'a wider integer',
    extra({ logicalType: 'integer', ...options({ format: 'i32' }) }),
    extra({ logicalType: 'integer' }),
    'compatible',
    'breaking',
  ],
  ['another type', {}, { day: { logicalType: 'string' } }, 'breaking', 'breaking'],
  [
    'one more date form',
    { day: custom(['dateFormats', ['yyyyMMdd']]) },
    { day: custom(['dateFormats', ['yyyyMMdd', 'd/M/yyyy']]) },
    'compatible',
    'breaking',
  ],
  [
    'another way to write numbers',
    {},
    { amount: { physicalType: 'decimal(18,2)', ...custom(['numberFormat', { decimalChar: ',' }]) } },
    'breaking',
    'breaking',
  ],
  [
    'forms in another order',
    { day: custom(['dateFormats', ['d/M/yyyy', 'M/d/yyyy']]) },
    { day: custom(['dateFormats', ['M/d/yyyy', 'd/M/yyyy']]) },
    'breaking',
    'breaking',
  ],
  ['a form in place of ISO', {}, { day: custom(['dateFormats', ['yyyyMMdd']]) }, 'breaking', 'breaking'],
  [
    'another zone',
    extra({ logicalType: 'timestamp' }),
    extra({ logicalType: 'timestamp', ...options({ defaultTimezone: 'Europe/Amsterdam' }) }),
    'breaking',
    'breaking',
  ],
  ['required', {}, { code: { required: true } }, 'breaking', 'compatible'],
  ['unique', {}, { code: { unique: true } }, 'breaking', 'compatible'],
  ['a primary key', {}, { code: { primaryKey: true } }, 'breaking', 'breaking'],
  ['a partition', {}, { day: { partitioned: true } }, 'breaking', 'breaking'],
  ['one more source name', {}, { code: custom(['sourceNames', ['Code']]) }, 'compatible', 'breaking'],
  [
    'one more text for null in numbers',
    {},
    { amount: custom(['nullTokens', ['', 'N/A']]) },
    'compatible',
    'breaking',
  ],
  [
    'one more text for null in texts',
    {},
    { code: custom(['nullTokens', ['', 'N/A']]) },
    'breaking',
    'breaking',
  ],
  [
    'a number as text for null in numbers',
    {},
    { amount: custom(['nullTokens', ['', '-1']]) },
    'breaking',
    'breaking',
  ],
  [
    'a day as text for null in dates',
    { day: custom(['dateFormats', ['d/M/yyyy']]) },
    { day: custom(['dateFormats', ['d/M/yyyy']], ['nullTokens', ['', '31/12/9999']]) },
    'breaking',
    'breaking',
  ],
  ['trim', {}, { code: custom(['trim', true]) }, 'breaking', 'breaking'],
  ['a macro', {}, { code: custom(['standardize', ['lowercase']]) }, 'breaking', 'breaking'],
  ['protection', {}, { code: custom(['pii', { kind: 'x', action: 'mask' }]) }, 'breaking', 'breaking'],
  [
    'another kind of personal data',
    { code: custom(['pii', { kind: 'x', action: 'mask' }]) },
    { code: custom(['pii', { kind: 'y', action: 'mask' }]) },
    'documentation',
    'documentation',
  ],
  ['a classification', {}, { code: { classification: 'internal' } }, 'compatible', 'compatible'],
  ['a bound', {}, { amount: min(0) }, 'breaking', 'compatible'],
  ['a lower bound', { amount: min(1) }, { amount: min(0.5) }, 'compatible', 'breaking'],
  [
    'a bound made exclusive',
    { amount: min(0) },
    { amount: options({ exclusiveMinimum: 0 }) },
    'breaking',
    'compatible',
  ],
  [
    'bounds on both sides',
    { amount: options({ minimum: 0, maximum: 9 }) },
    { amount: options({ minimum: 0, maximum: 10 }) },
    'compatible',
    'breaking',
  ],
  [
    'a later bound of a date',
    { day: options({ minimum: '2020-01-01' }) },
    { day: options({ minimum: '2021-01-01' }) },
    'breaking',
    'compatible',
  ],
  [
    'bounds of a time in another notation, one of them narrower',
    between('2020-01-01T00:00:00', '2020-12-31 00:00:00.500'),
    between('2020-01-01 05:00:00', '2020-12-31T00:00:00.5'),
    'breaking',
    'compatible',
  ],
  [
    'a finer step',
    { amount: options({ multipleOf: 0.5 }) },
    { amount: options({ multipleOf: 0.25 }) },
    'compatible',
    'breaking',
  ],
  [
    'longer texts',
    { code: options({ maxLength: 5 }) },
    { code: options({ maxLength: 6 }) },
    'compatible',
    'breaking',
  ],
  [
    'another pattern',
    { code: options({ pattern: 'a' }) },
    { code: options({ pattern: 'b' }) },
    'breaking',
    'breaking',
  ],
  ['one more valid value', { code: listed('a') }, { code: listed('a', 'b') }, 'compatible', 'breaking'],
  ['a rule that warns', {}, { code: warned('a') }, 'compatible', 'compatible'],
  [
    'a rule that warns, and lowers the score',
    { ingestion: { qualityScoreAbove: 95 } },
    { ingestion: { qualityScoreAbove: 95 }, code: warned('a') },
    'breaking',
    'compatible',
  ],
  [
    'a rule that no longer only warns',
    { code: warned('a') },
    { code: listed('a') },
    'breaking',
    'compatible',
  ],
  ['a rule of the batch', {}, rowCount({ mustBeGreaterThan: 0 }), 'breaking', 'compatible'],
  [
    'a wider rule of the batch',
    rowCount({ mustBeGreaterThan: 5 }),
    rowCount({ mustBeGreaterThan: 0 }),
    'compatible',
    'breaking',
  ],
  [
    'a bound of the batch made strict',
    rowCount({ mustBeGreaterOrEqualTo: 5 }),
    rowCount({ mustBeGreaterThan: 5 }),
    'breaking',
    'compatible',
  ],
  [
    'a rule of the batch made a range',
    rowCount({ mustBeGreaterThan: 5 }),
    rowCount({ mustBeBetween: [1, 9] }),
    'breaking',
    'breaking',
  ],
];

const effectOf = (before: Parts, after: Parts): string => {
  const effects = compareContracts(contract(before), contract(after)).map(({ effect }) => effect);
  return (
    ['breaking', 'compatible', 'documentation'].find((each) => effects.some((effect) => effect === each)) ??
    'none'
  );
};

describe('a change of a contract', () => {
  test.each(MATRIX)('%s', (_what, before, after, forwards, backwards) => {
    expect([effectOf(before, after), effectOf(after, before)]).toEqual([forwards, backwards]);
  });

  test('is none where nothing has changed', () => {
    expect(compareContracts(contract({}), contract({}))).toEqual([]);
  });

  test('is told with what it was, what it is and why', () => {
    expect(compareContracts(contract({}), contract({ amount: { physicalType: 'decimal(20,2)' } }))).toEqual([
      {
        effect: 'compatible',
        dataset: 'shop/feed',
        what: 'amount.type',
        from: 'decimal(18,2)',
        to: 'decimal(20,2)',
        because: 'only a wider type holds all that the old one held',
      },
    ]);
  });

  test('asks for the bump of its most serious effect', () => {
    const bumps = (['documentation', 'compatible', 'breaking'] as const).map((effect) =>
      bumpOf([{ effect, what: 'x', because: '' }]),
    );
    expect([bumpOf([]), ...bumps]).toEqual(['none', 'patch', 'minor', 'major']);
  });
});

describe('a version', () => {
  test.each([
    ['1.4.2', 'major', '2.0.0'],
    ['1.4.2', 'minor', '1.5.0'],
    ['1.4.2', 'patch', '1.4.3'],
    ['1.4.2', 'none', '1.4.2'],
    ['0.4.2', 'major', '0.5.0'],
    ['0.4.2', 'minor', '0.4.3'],
    ['v2', 'major', '3.0.0'],
  ] as const)('%s after a %s change is %s', (before, bump, after) => {
    expect(bumped(versionOf(before, 'f'), bump).join('.')).toBe(after);
  });

  test.each([
    ['1.0.0', '2.0.0', true],
    ['1.0.0', '3.1.0', true],
    ['1.9.9', '1.10.0', false],
    ['2.0.0', '1.0.0', false],
    ['0.3.0', '0.4.0', true],
    ['0.3.0', '0.3.9', false],
    ['0.3.0', '1.0.0', true],
  ])('from %s to %s is a major bump: %s', (before, after, is) => {
    expect(isBumped(versionOf(before, 'f'), versionOf(after, 'f'), 'major')).toBe(is);
  });

  test('that is none is an error which says what is allowed', () => {
    expect(() => versionOf('latest', 'c.odcs.yaml')).toThrow(
      'c.odcs.yaml: version "latest" can\'t be compared; allowed: major.minor.patch such as 1.4.0',
    );
  });
});

describe('headgate contract diff', () => {
  const folder = temporaryFolder('diff');
  const good = readFileSync(join(ROOT, 'contracts/retail/sales.odcs.yaml'), 'utf8').replace(
    /^version: .*$/m,
    'version: 1.0.0',
  );
  const file = (name: string, text: string) => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const before = file('before.odcs.yaml', good);
  const broken = good.replace('landing: retail/', 'landing: shops/');

  test('fails for a breaking change without a major bump, and says which version it needs', async () => {
    const run = await headgate(['contract', 'diff', before, file('broken.odcs.yaml', broken)]);
    expect(run.code).toBe(1);
    expect(run.stdout).toContain('version 1.0.0 to 1.0.0; the changes ask for 2.0.0 (major)');
    expect(run.stderr).toContain('a breaking change needs version 2.0.0 or later, the contract says 1.0.0');
  });

  test('passes with the bump, and prints JSON', async () => {
    const after = file('major.odcs.yaml', broken.replace('version: 1.0.0', 'version: 2.0.0'));
    const run = await headgate(['contract', 'diff', before, after, '--json']);
    expect(run.code).toBe(0);
    expect(json(run)).toMatchObject({
      bump: 'major',
      proposed: '2.0.0',
      ok: true,
      changes: [{ what: 'landing' }],
    });
  });

  test('passes a compatible change whatever the version', async () => {
    const after = file('wider.odcs.yaml', good.replace('decimal(18,3)', 'decimal(20,3)'));
    expect(await headgate(['contract', 'diff', before, after])).toMatchObject({ code: 0 });
  });

  test('names a file that is not there', async () => {
    const run = await headgate(['contract', 'diff', before, join(folder, 'nope.yaml')]);
    expect(run).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("nope.yaml can't be read: ENOENT"),
    });
  });
});

type Sent = readonly [format: string, more: object];

test.each<readonly [string, Sent, Sent]>([
  ['json.records', ['json', { json: { records: 'a' } }], ['json', { json: { records: 'b' } }]],
  ['json.rows', ['json', {}], ['json', { json: { rows: 'items' } }]],
  ['xml.record', ['xml', { xml: { record: 'a/b' } }], ['xml', { xml: { record: 'a/c' } }]],
  ['xlsx.sheet', ['xlsx', {}], ['xlsx', { xlsx: { sheet: 'Other' } }]],
  ['xlsx.headerRow', ['xlsx', {}], ['xlsx', { xlsx: { headerRow: 3 } }]],
])('where records stand is promised as well: %s', (what, ...versions) => {
  const [before, after] = versions.map(([format, more]) =>
    contract({ ingestion: { landing: 'feed/*', format, ...more } }),
  );
  if (before === undefined || after === undefined) throw new Error('two versions');
  expect(compareContracts(before, after)).toEqual([
    expect.objectContaining({ what, effect: 'breaking', dataset: 'shop/feed' }),
  ]);
  expect(compareContracts(before, before)).toEqual([]);
});

test('a field of fixed width that moves is a breaking change, one more field is not the move of others', () => {
  const at = (start: number) => custom(['position', { start, length: 3 }]);
  const ingestion = { landing: 'feed/*.txt', format: 'fixedWidth' };
  const before = contract({ ingestion, code: at(1), amount: at(4), day: at(7) });
  const moved = contract({ ingestion, code: at(1), amount: at(7), day: at(4) });
  expect(compareContracts(before, moved).map(({ what, effect }) => [what, effect])).toEqual([
    ['amount.position', 'breaking'],
    ['day.position', 'breaking'],
  ]);
  const wider = contract({
    ingestion,
    ...{ code: at(1), amount: at(4), day: at(7) },
    more: [{ name: 'note', logicalType: 'string', ...at(10) }],
  });
  expect(compareContracts(before, wider).map(({ what }) => what)).toEqual(['note']);
});

test('a further column does not make another source one that is read otherwise; another sheet does', () => {
  const from = (more: object, names: object = {}) => ({
    drift: { missingColumn: 'null' },
    alsoFrom: [{ landing: 'other/*.xlsx', format: 'xlsx', names, ...more }],
  });
  const until = { more: [{ name: 'until', logicalType: 'date' }] };
  const effects = (after: Parts) =>
    compareContracts(contract({ ingestion: from({}) }), contract(after)).map(({ what, effect }) => [
      what,
      effect,
    ]);
  expect(effects({ ingestion: from({}, { until: 'To' }), ...until })).toEqual([
    ['alsoFrom', 'compatible'],
    ['until', 'compatible'],
  ]);
  expect(effects({ ingestion: from({ xlsx: { sheet: 'Other' } }) })).toEqual([['alsoFrom', 'breaking']]);
});
