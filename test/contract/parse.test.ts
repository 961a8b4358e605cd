import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { compileLandingPattern } from '../../lib/contract/landing-pattern.ts';
import { loadContracts, parseContract } from '../../lib/contract/parse.ts';
import { ContractError } from '../../lib/contract/problems.ts';
import { ROOT } from '../support/headgate.ts';

const good = readFileSync(join(ROOT, 'contracts/payments/transactions.odcs.yaml'), 'utf8');
/** 9^4 ones in a few bytes. */
const ALIASES = [
  'a: &a [1,1,1,1,1,1,1,1,1]',
  'b: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]',
  'c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]',
  'd: [*c,*c,*c]',
].join('\n');

const replaced = (from: string, to: string) => () => parseContract(good.replace(from, to), 'c.odcs.yaml');

describe('a contract', () => {
  test('becomes a frozen dataset', () => {
    const [dataset] = parseContract(good, 'c.odcs.yaml').datasets;
    expect(dataset).toMatchObject({
      domain: 'payments',
      name: 'transactions',
      writeMode: 'merge',
      dedupe: { keys: ['transaction_id'], keep: 'last', orderBy: 'updated_at' },
      maxRejectPercent: 5,
      duplicateFile: 'skip',
    });
    expect(dataset?.columns.find(({ name }) => name === 'amount')?.type).toEqual({
      kind: 'decimal',
      precision: 18,
      scale: 2,
    });
    expect(Object.isFrozen(dataset?.columns[0])).toBe(true);
  });

  test('names file, line, path, value and what is allowed', () => {
    expect(replaced('logicalType: number', 'logicalType: numbr')).toThrow(
      /^c\.odcs\.yaml:\d+ schema\[0\]\.properties\[4\]\.logicalType: "numbr" is not allowed; allowed: string, date, timestamp/m,
    );
  });

  test.each([
    ['an unknown key of ingestion', 'writeMode: merge', 'writeMod: merge', '"writeMod" is not known here'],
    ['a slip in a custom property', 'property: ingestion', 'property: ingestoin', 'did you mean ingestion?'],
    ['personal data without protection', 'property: pii', 'property: note', 'needs the custom property pii'],
    [
      'an unknown classification',
      'classification: restricted',
      'classification: hush',
      '"hush" is not allowed; allowed: public',
    ],
    ['a key that does not exist', 'keys: [transaction_id]', 'keys: [id]', 'column id does not exist'],
    [
      'a merge without key',
      '          dedupe:\n            keys: [transaction_id]\n            keep: last\n            orderBy: updated_at\n',
      '',
      '',
    ],
    ['look-around in a pattern', 'T[0-9]+', '(?=T).+', 'look-around'],
    [
      'an operator on a predicate',
      'engine: headgate',
      'engine: headgate\n        mustBe: 0',
      'mustBe does not belong to a rule of type custom',
    ],
    [
      'an unknown macro',
      'property: pii\n            value: { kind: card, action: tokenize }',
      'property: standardize\n            value: [shout]',
      '"shout" is not known',
    ],
    [
      'a partition transform on text',
      'name: currency\n        logicalType: string',
      'name: currency\n        logicalType: string\n        partitioned: true\n        customProperties:\n          - property: partitionTransform\n            value: month',
      'needs logicalType date or timestamp',
    ],
    [
      'an unknown field of the landing pattern',
      '{businessDate:yyyy-MM-dd}',
      '{day:yyyy}',
      'field day is not known',
    ],
    [
      'a feature that is not there yet',
      'format: csv',
      'format: orc',
      '"orc" is not allowed; allowed: csv, json, jsonl, parquet, avro, xml, xlsx, fixedWidth',
    ],
    ['YAML with a key twice', 'domain: payments', 'domain: payments\ndomain: other', 'unique'],
  ])('refuses %s', (_what, from, to, message) => {
    if (message === '')
      expect(replaced(from, to)().datasets[0]?.dedupe).toEqual({ keys: ['transaction_id'], keep: 'last' });
    else expect(replaced(from, to)).toThrow(message);
  });

  test.each([
    ['aliases of aliases', ALIASES, 'Excessive alias count'],
    ['an alias without anchor', 'a: *nope\n', 'Unresolved alias'],
    ['an unknown tag', good.replace('domain: payments', 'domain: !!foo payments'), 'Unresolved tag'],
    ['brackets without end', '['.repeat(20_000), 'c.odcs.yaml:1'],
    ['two documents', `${good}---\n${good}`, 'multiple documents'],
    ['nothing', '', 'expected object'],
    ['more than two million signs', 'a'.repeat(2_000_001), 'longer than 2000000 characters'],
  ])('is not %s: that is a contract error with its line', (_what, text, message) => {
    expect(() => parseContract(text, 'c.odcs.yaml')).toThrow(ContractError);
    expect(() => parseContract(text, 'c.odcs.yaml')).toThrow(message);
  });

  test('may not claim what another one has', () => {
    const files = [
      { file: 'a.odcs.yaml', text: good },
      { file: 'b.odcs.yaml', text: good },
    ];
    expect(() => loadContracts(files)).toThrow(
      'b.odcs.yaml:1 schema: payments/transactions has the name or landing pattern of',
    );
  });
});

test('every contract of a folder that is wrong is reported at once', () => {
  const load = () =>
    loadContracts([
      { file: 'a.odcs.yaml', text: good.replace('logicalType: number', 'logicalType: numbr') },
      { file: 'b.odcs.yaml', text: good },
      { file: 'c.odcs.yaml', text: '' },
    ]);
  expect(load).toThrow(ContractError);
  expect(load).toThrow(/^a\.odcs\.yaml:\d+ .*"numbr"[\s\S]*^c\.odcs\.yaml:1 /m);
});

describe('a landing pattern', () => {
  test.each([
    ['a/{businessDate:yyyy-MM-dd}/*.csv', 'a/2026-01-31/x.csv', { businessDate: '2026-01-31' }],
    ['a/{businessDate:yyyy-MM-dd}/*.csv', 'a/2026-02-30/x.csv', undefined],
    ['a/{businessDate:yyyy-MM-dd}/*.csv', 'a/2026-01-31/b/x.csv', undefined],
    ['a/**/x.csv', 'a/b/c/x.csv', {}],
    ['a/**/x.csv', 'a/x.csv', {}],
    ['a/**/x.csv', 'b/a/x.csv', undefined],
    ['a/{businessDate:yyyy/MM/dd}/**', 'a/2026/01/31/b/x.csv', { businessDate: '2026-01-31' }],
    ['*a*b', 'a'.repeat(1000), undefined],
    ['a/{businessDate:yyyyMM}.csv', 'a/202601.csv', { businessDate: '2026-01-01' }],
    ['a/(1)+.csv', 'a/(1)+.csv', {}],
    ['a/(1)+.csv', 'a/11.csv', undefined],
  ])('%s on %s', (pattern, key, match) => {
    expect(compileLandingPattern(pattern).match(key)).toEqual(match);
  });

  test.each([
    ['a/{businessDate:yyyy-MM-dd}/{businessDate:yyyyMMdd}.csv', 'each once'],
    ['a/{businessDate:MM-dd}.csv', 'businessDate needs yyyy'],
    ['a/{businessDate}.csv', 'businessDate needs yyyy'],
    ['a/{businessDate:yyyy-MM-dd/*.csv', 'a brace has no partner'],
    ['a/{businessDate:yyyy-mm}.csv', 'date letters mm are not known'],
    ['/a/*.csv', '"" is no part of a key'],
    ['a/../*.csv', '".." is no part of a key'],
    ['a/.in/*.csv', 'uploads under way'],
    ['a/*.part', 'uploads under way'],
    ['a/**/b/**/*.csv', '** is allowed once'],
    ['a/**.csv', '** stands for whole parts'],
    ['a/*x*y*.csv', '* is allowed 2 times in one part'],
  ])('%s is refused', (pattern, message) => {
    expect(() => compileLandingPattern(pattern)).toThrow(message);
  });
});
