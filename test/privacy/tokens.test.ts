import { createHmac } from 'node:crypto';
import { DuckDBInstance } from '@duckdb/node-api';
import { expect, test } from '@jest/globals';
import { duckDb } from '../../lib/plan/dialects/duckdb.ts';
import { hmacPads } from '../../lib/privacy/pads.ts';
import { protectedText, token, tokenMessage } from '../../lib/privacy/protection.ts';

const keys = [Buffer.alloc(32, 7), Buffer.from('short'), Buffer.alloc(100, 'long key ')];

async function evaluate(key: Uint8Array, expression: string): Promise<unknown> {
  const connection = await (await DuckDBInstance.create(':memory:')).connect();
  const { inner, outer } = hmacPads(key);
  await connection.run(`SET VARIABLE pii_inner = unhex('${inner}')`);
  await connection.run(`SET VARIABLE pii_outer = unhex('${outer}')`);
  return (await connection.runAndReadAll(`SELECT ${expression}`)).getRowsJson()[0]?.[0];
}

test.each(keys)('a token in SQL is HMAC-SHA256 as node computes it', async (key) => {
  for (const value of ['4000123412341234', 'Zoë 😀', '']) {
    const expected = createHmac('sha256', key)
      .update(tokenMessage('payments', value))
      .digest('hex')
      .slice(0, 32);
    expect(await evaluate(key, token('payments', duckDb.literal(value), duckDb))).toBe(`v1_${expected}`);
  }
});

test('null stays null, and another domain has other tokens', async () => {
  const [key = Buffer.alloc(32)] = keys;
  expect(await evaluate(key, token('payments', 'CAST(NULL AS VARCHAR)', duckDb))).toBeNull();
  expect(await evaluate(key, token('hotel', "'x'", duckDb))).not.toBe(
    await evaluate(key, token('payments', "'x'", duckDb)),
  );
});

test.each([
  ['mask', 'NL91ABNA0417164300', '****4300'],
  ['mask', '0612345678', '****'],
  ['redact', 'anything', '[redacted]'],
  ['drop', 'anything', null],
] as const)('%s hides a text', async (action, value, expected) => {
  const column = {
    name: 'c',
    type: { kind: 'string' },
    required: false,
    unique: false,
    sourceNames: [],
    formerNames: [],
    nullTokens: [''],
    trim: false,
    standardize: [],
    classification: 'restricted',
    pii: { kind: 'x', action },
  } as const;
  const [key = Buffer.alloc(32)] = keys;
  expect(await evaluate(key, protectedText('d', column, duckDb.literal(value), duckDb))).toBe(expected);
  expect(await evaluate(key, protectedText('d', column, 'CAST(NULL AS VARCHAR)', duckDb))).toBeNull();
});
