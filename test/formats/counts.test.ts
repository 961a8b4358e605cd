import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { withDuckDb } from '../../lib/adapters/local/duckdb-session.ts';
import { stage } from '../../lib/adapters/local/duckdb-stage.ts';
import type { CsvFormat } from '../../lib/contract/dataset.ts';
import { PoisonError } from '../../lib/errors.ts';
import { normalise } from '../../lib/formats/normalise.ts';
import { needsRewrite, profileFile } from '../../lib/formats/profile.ts';
import type { Plan, PlanInput } from '../../lib/plan/plan.ts';
import { temporaryFolder } from '../support/temporary.ts';

const folder = temporaryFolder('counts');
const format: CsvFormat = {
  kind: 'csv',
  delimiter: ',',
  quote: '"',
  escape: '"',
  header: false,
  encoding: 'utf-8',
  skipLines: 0,
};

async function* chunks(bytes: Buffer, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

const profileOf = (bytes: Buffer, size = 64 * 1024) =>
  profileFile(chunks(bytes, size), format, {
    bytes: bytes.length,
    slice: async (start, end) => bytes.subarray(start, end),
  });

/** Records as the engine accounts for them: parsed rows by number, and rejected ones. */
async function engineRecords(
  bytes: Buffer,
  columns: readonly string[],
): Promise<{ rows: number[]; rejects: number[] }> {
  const profile = await profileOf(bytes);
  const path = join(folder, `${randomUUID()}.csv`);
  const parts: Uint8Array[] = [bytes];
  if (needsRewrite(format, profile)) {
    parts.length = 0;
    for await (const part of normalise(chunks(bytes, 7), format, profile, {
      onReject: () => undefined,
      random: { bytes: bytes.length, slice: async (start, end) => bytes.subarray(start, end) },
    }))
      parts.push(part);
  }
  writeFileSync(path, Buffer.concat(parts));
  const input: PlanInput = {
    fileId: 'f',
    key: path,
    etag: '',
    bytes: bytes.length,
    records: profile.records,
    format,
    fields: columns,
    rewrite: false,
    profile,
  };
  const fields = columns.map((name, index) => ({
    id: index + 1,
    name,
    required: false,
    type: 'string' as const,
  }));
  const plan = {
    inputs: [input],
    outputs: [{ name: 'quarantine', schema: fields }],
    stage: `SELECT ${columns.join(', ')}, _file, TRUE AS _ok FROM records`,
  } as unknown as Plan;
  const reader = { kind: 'csv' as const, csv: format, compression: 'none' as const, nothingIsNull: false };
  const scratch = join(folder, randomUUID());
  return withDuckDb({ scratch, threads: 2 }, async (db) => {
    await stage(db, plan, [{ input, file: 0, path, reader, inPlace: true }], { scratch, known: [] });
    const numbers = async (sql: string) => (await db.rows<{ n: string }>(sql)).map(({ n }) => Number(n));
    return {
      rows: await numbers('SELECT _row AS n FROM staged ORDER BY 1'),
      rejects: await numbers('SELECT _row AS n FROM rejects ORDER BY 1'),
    };
  });
}

const orPoison = (error: unknown): undefined => {
  if (!(error instanceof PoisonError)) throw error;
};

describe('the two counts of records', () => {
  const piece = fc.constantFrom(
    'a',
    'b1',
    ',',
    ',',
    '\n',
    '\n',
    '\r\n',
    '"',
    '""',
    '"x"',
    '"y,z"',
    '"l1\nl2"',
    ' ',
    'é',
    '',
  );
  const pollution = fc
    .array(piece, { minLength: 1, maxLength: 40 })
    .map((pieces) => Buffer.from(pieces.join('')));

  test('agree and number each record once, whatever pollutes a CSV file, but for a few files that are refused whole', async () => {
    let admitted = 0;
    let refused = 0;
    await fc.assert(
      fc.asyncProperty(pollution, fc.integer({ min: 1, max: 9 }), async (bytes, size) => {
        const profile = await profileOf(bytes, size);
        expect(profile).toEqual(await profileOf(bytes));
        if (profile.problem !== undefined || profile.records === 0) return;
        const counted = await engineRecords(bytes, ['a', 'b']).catch(orPoison);
        // Verify takes a file out whose counts differ: refused as a whole, with a reason.
        if (counted === undefined || counted.rows.length + counted.rejects.length !== profile.records) {
          refused++;
          return;
        }
        admitted++;
        const { rows, rejects } = counted;
        const all = [...rows, ...rejects].sort((x, y) => x - y);
        expect(all).toEqual(Array.from({ length: profile.records }, (_, index) => index + 1));
      }),
      { numRuns: 300, seed: 20261121 },
    );
    expect({ admitted: admitted > 200, refused: refused < 10 }).toEqual({ admitted: true, refused: true });
  }, 240_000);

  test('agree on a single column with blank lines', async () => {
    expect(await engineRecords(Buffer.from('a\n\nb\n\n\nc'), ['a'])).toEqual({
      rows: [1, 2, 3],
      rejects: [],
    });
  });

  test('agree where records are rejected far into a large file', async () => {
    const lines = Array.from({ length: 400_000 }, (_, index) =>
      index % 100_000 === 77 ? `${index},x,too many` : `${index},"some text, and a\nsecond line"`,
    );
    const bytes = Buffer.from(lines.join('\n'));
    const { rows, rejects } = await engineRecords(bytes, ['a', 'b']);
    expect(rejects).toEqual([78, 100_078, 200_078, 300_078]);
    expect(rows.length + rejects.length).toBe((await profileOf(bytes)).records);
    expect(rows.filter((row) => row > 100_076 && row < 100_081)).toEqual([100_077, 100_079, 100_080]);
  }, 60_000);
});
