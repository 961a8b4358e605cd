import { join } from 'node:path';
import { gzipSync, inflateSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { readContracts } from '../../lib/adapters/local/contracts.ts';
import type { FileFormat } from '../../lib/contract/dataset.ts';
import { compileLandingPattern } from '../../lib/contract/landing-pattern.ts';
import { parseContract } from '../../lib/contract/parse.ts';
import { HeadgateError } from '../../lib/errors.ts';
import { profileFile } from '../../lib/formats/profile.ts';
import { parseArrival } from '../../lib/intake/arrival.ts';
import { router } from '../../lib/intake/route.ts';
import { toDuckDb } from '../../lib/reports/translate.ts';
import { xlsxOf, zipOf } from '../support/archives.ts';
import { ROOT } from '../support/headgate.ts';
import { watchPeak } from '../support/peak-memory.ts';
import { readWhole } from '../support/read-format.ts';
import { bytesOf, FORMATS } from './bytes.ts';

const RUNS = { numRuns: 150, interruptAfterTimeLimit: 20_000, markInterruptAsFailure: false };

async function within<T>(milliseconds: number, work: () => Promise<T>): Promise<T> {
  const begun = performance.now();
  const peak = watchPeak();
  const result = await work();
  expect(performance.now() - begun).toBeLessThan(milliseconds);
  expect(peak()).toBeLessThan(512 * 1024 * 1024);
  return result;
}

test('memory that was given back again counts', async () => {
  // What is transferred to a buffer of no bytes is freed at once.
  const grab = (megabytes: number) => async () =>
    new Uint8Array(megabytes * 1024 ** 2).fill(1).buffer.transfer(0).byteLength;
  await expect(within(5_000, grab(600))).rejects.toThrow('toBeLessThan');
  expect(await within(5_000, grab(1))).toBe(0);
});

const profileOf = (format: FileFormat, bytes: Buffer) =>
  profileFile(
    (async function* () {
      for (let at = 0; at < bytes.length; at += 65_536) yield bytes.subarray(at, at + 65_536);
    })(),
    format,
    { bytes: bytes.length, slice: async (from, to) => bytes.subarray(from, to) },
  );

describe.each(Object.keys(FORMATS).filter((name) => name !== 'parquet' && name !== 'csv'))('%s', (name) => {
  test('whatever the bytes, every record is a row or a reject, or the file has a problem with a code', async () => {
    let loaded = 0;
    await fc.assert(
      fc.asyncProperty(bytesOf(name), async (bytes) => {
        const { profile, rows } = await within(5_000, () => readWhole(FORMATS[name] as FileFormat, bytes));
        if (profile.problem !== undefined) expect(profile.problem.code).toMatch(/^file\./);
        loaded += rows.length > 0 ? 1 : 0;
      }),
      RUNS,
    );
    expect(loaded).toBeGreaterThan(0);
  }, 60_000);
});

test.each(['csv', 'parquet'])(
  '%s: whatever the bytes, intake counts records or names a problem',
  async (name) => {
    await fc.assert(
      fc.asyncProperty(bytesOf(name), async (bytes) => {
        const { problem, records } = await within(5_000, () => profileOf(FORMATS[name] as FileFormat, bytes));
        if (problem === undefined) expect(records).toBeGreaterThanOrEqual(0);
        else expect(problem.code).toMatch(/^file\./);
      }),
      RUNS,
    );
  },
  60_000,
);

const HUGE = 60 * 1024 * 1024;
const DEEP = 1_000_000;
const laughs = `<!DOCTYPE r [<!ENTITY a "ha">${Array.from(
  { length: 20 },
  (_, index) => `<!ENTITY ${'a'.repeat(index + 2)} "${`&${'a'.repeat(index + 1)};`.repeat(10)}">`,
).join('')}]><r><row>&${'a'.repeat(21)};</row></r>`;

/** 81 bytes of bzip2 that are 60 MB of one sign, as Python's bz2 writes them; packed once more. */
const BZIP2 =
  'eNpzisqwNHSMVAuOPJSr9Zkxvo+RYQEDA4cCg0GDr5vTAtWVXA3TIfIfLRhFGJqCGTmA8gwNIBVnWDWXBSqxHXXpkNN70lWwUOH1kZXPAMl1GfY=';

const BOMBS: readonly (readonly [string, string, () => Buffer])[] = [
  ['gzip bomb', 'csv', () => gzipSync(Buffer.alloc(HUGE, 'a'))],
  ['zip bomb', 'csv', () => zipOf([{ name: 'a.csv', text: 'a'.repeat(HUGE) }])],
  ['zstd bomb', 'csv', () => zstdCompressSync(Buffer.alloc(HUGE, 'a'))],
  ['bzip2 bomb', 'csv', () => inflateSync(Buffer.from(BZIP2, 'base64'))],
  ['workbook bomb', 'xlsx', () => xlsxOf('a'.repeat(HUGE))],
  ['deep workbook', 'xlsx', () => xlsxOf('<a>'.repeat(DEEP))],
  ['deep nested JSON', 'nested json', () => Buffer.from(`{"data":[{"a":${'['.repeat(DEEP)}`)],
  ['deep JSON', 'json', () => Buffer.from(`[{"a":${'['.repeat(DEEP)}`)],
  ['deep JSON lines', 'jsonl', () => Buffer.from(`{"a":${'{"a":'.repeat(DEEP)}`)],
  ['deep XML', 'xml', () => Buffer.from(`<r><row>${'<a>'.repeat(DEEP)}`)],
  ['billion laughs', 'xml', () => Buffer.from(laughs)],
];

test.each(BOMBS)(
  '%s is refused or counted within bounds',
  async (_name, format, bytes) => {
    const body = bytes();
    const { problem, records } = await within(20_000, () => profileOf(FORMATS[format] as FileFormat, body));
    expect(problem?.code ?? (records > 0 ? 'counted' : 'nothing')).toMatch(/^(file\.|counted)/);
  },
  60_000,
);

test('documents that are no contract end in an error of ours', () => {
  const document = fc.oneof(
    fc.string({ maxLength: 200 }),
    fc.json({ maxDepth: 4 }),
    fc
      .object({ maxDepth: 3 })
      .map((each) => JSON.stringify({ apiVersion: 'v3.1.0', kind: 'DataContract', schema: [each] })),
    fc.constant(`${'['.repeat(20_000)}`),
    fc.constant(
      `a: &a [x,x]\n${Array.from({ length: 30 }, (_, n) => `b${n}: &b${n} [${`*${n === 0 ? 'a' : `b${n - 1}`},`.repeat(9)}]`).join('\n')}`,
    ),
  );
  fc.assert(
    fc.property(document, (text) => {
      const begun = performance.now();
      expect(() => parseContract(text, 'fuzz.odcs.yaml')).toThrow(HeadgateError);
      expect(performance.now() - begun).toBeLessThan(5_000);
    }),
    RUNS,
  );
}, 60_000);

const MILLION = 1_000_000;
test.each([
  ['brackets', () => '['.repeat(MILLION)],
  ['lists', () => '- '.repeat(MILLION)],
  ['lists, closed', () => `${'['.repeat(MILLION / 2)}${']'.repeat(MILLION / 2)}`],
  ['objects', () => '{a: '.repeat(MILLION / 2)],
  ['keys of keys', () => '? '.repeat(MILLION)],
  [
    'objects in an extension',
    () =>
      `apiVersion: v3.1.0\nkind: DataContract\ncustomProperties: ${'{a: '.repeat(100_000)}1${'}'.repeat(100_000)}`,
  ],
  ['anchors', () => Array.from({ length: 100_000 }, (_, n) => `a${n}: &a${n} [x]`).join('\n')],
  [
    'merge keys',
    () =>
      `a: &a {b: 1}\n${Array.from({ length: 30 }, (_, n) => `m${n}: &m${n}\n  <<: [${`*${n === 0 ? 'a' : `m${n - 1}`},`.repeat(9)}]`).join('\n')}`,
  ],
  ['ten million characters', () => 'a'.repeat(10 * MILLION)],
])(
  'a contract of a million %s ends in an error of ours',
  async (_what, text) => {
    const document = text();
    await within(10_000, async () =>
      expect(() => parseContract(document, 'deep.odcs.yaml')).toThrow(HeadgateError),
    );
  },
  60_000,
);

test('messages that are no event end in an error of ours', () => {
  const message = fc.oneof(
    fc.string(),
    fc.json(),
    fc
      .object()
      .map((detail) => JSON.stringify({ source: 'aws.s3', 'detail-type': 'Object Created', detail })),
    fc.constant('['.repeat(1_000_000)),
  );
  fc.assert(
    fc.property(message, (text) => {
      expect(() => parseArrival(text)).toThrow(HeadgateError);
    }),
    RUNS,
  );
}, 60_000);

test('every key has a route to a contract of its own folder, or none', () => {
  const datasets = readContracts(join(ROOT, 'contracts'));
  const route = router(datasets);
  const part = fc.constantFrom(
    ...datasets.flatMap(({ landing }) => landing.split('/')),
    ...['2026-02-28', '2026-02-30', '.csv', '', '.', '..', '%2F', 'é'],
  );
  const key = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 1024 }),
    fc.array(part, { maxLength: 6 }).map((parts) => parts.join('/')),
    fc
      .tuple(fc.constantFrom(...datasets), fc.constantFrom('2026-02-28', '2026-02-30', 'x'), fc.string())
      .map(([{ landing }, date, name]) =>
        landing.replace('{businessDate:yyyy-MM-dd}', date).replace('*', name),
      ),
  );
  const seen = { route: 0, none: 0, ambiguous: 0 };
  fc.assert(
    fc.property(key, (text) => {
      const found = route(text);
      seen[found.kind] += 1;
      if (found.kind !== 'route') return;
      expect(text.startsWith(`${found.dataset.landing.split('/')[0]}/`)).toBe(true);
      expect([undefined, '2026-02-28']).toContain(found.businessDate);
    }),
    { numRuns: 1_000 },
  );
  expect(seen.route).toBeGreaterThan(50);
  expect(seen.none).toBeGreaterThan(50);
});

test('every pattern is matched with every key in no time', () => {
  const pattern = fc
    .array(
      fc.constantFrom('a', '*', '/', '{businessDate:yyyy-MM-dd}', '{part}', '.csv', '-', '(a+)+', '\\'),
      {
        minLength: 1,
        maxLength: 14,
      },
    )
    .map((parts) => parts.join(''));
  const key = fc.oneof(
    fc.constantFrom('a'.repeat(1024), 'a/'.repeat(512), '2026-01-01'.repeat(100), `${'a'.repeat(1000)}\n`),
    fc.string({ unit: 'binary', maxLength: 1024 }),
  );
  fc.assert(
    fc.property(pattern, key, (text, name) => {
      let match: ReturnType<typeof compileLandingPattern>['match'];
      try {
        ({ match } = compileLandingPattern(text));
      } catch (error) {
        if (error instanceof HeadgateError) return;
        throw error;
      }
      const begun = performance.now();
      match(name);
      expect(performance.now() - begun).toBeLessThan(1_000);
    }),
    { ...RUNS, numRuns: 1_000 },
  );
}, 60_000);

test('every text is translated or refused by an error of ours', () => {
  const words = [
    'SELECT',
    '*',
    'FROM',
    't',
    '(',
    ')',
    ',',
    "'",
    '"',
    'date_trunc',
    '--',
    '/*',
    ';',
    '1',
    'WHERE',
    'UNNEST',
  ];
  const sql = fc.oneof(
    fc.string({ maxLength: 100 }),
    fc.array(fc.constantFrom(...words), { maxLength: 20 }).map((each) => each.join(' ')),
    fc.constant(`SELECT ${'('.repeat(5_000)}1${')'.repeat(5_000)}`),
  );
  fc.assert(
    fc.property(sql, (text) => {
      try {
        expect(typeof toDuckDb(text)).toBe('string');
      } catch (error) {
        if (!(error instanceof HeadgateError)) throw error;
      }
    }),
    RUNS,
  );
}, 60_000);
