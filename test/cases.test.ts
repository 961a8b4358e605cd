import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { type FileRow, headgate, json } from './support/headgate.ts';
import { temporaryFolder } from './support/temporary.ts';

interface Expected {
  readonly exitCode: number;
  /** By key. `codes`: reason codes of the file; `checks`: failing rows by check or record code. */
  readonly files?: Readonly<Record<string, ExpectedFile>>;
  /** What the table holds, by a query in Athena's SQL. */
  readonly query?: {
    readonly sql: string;
    readonly rows: readonly Readonly<Record<string, string | null>>[];
  };
  /** Parts of the message for people. */
  readonly says?: readonly string[];
}

interface ExpectedFile {
  readonly status: string;
  readonly counts: readonly [number, number, number, number];
  readonly why: readonly string[];
}

const cases = join(import.meta.dirname, 'cases');

/** A golden folder: a contract, files as they land, and what becomes of them. */
describe('golden cases', () => {
  const homes = temporaryFolder('cases');
  test.each(readdirSync(cases))('%s', async (name) => {
    const folder = join(cases, name);
    const expected = JSON.parse(readFileSync(join(folder, 'expected.json'), 'utf8')) as Expected;
    const lake = ['--home', join(homes, name), '--contracts', folder, '--marts', folder];
    const landing = join(folder, 'landing');
    const run = await headgate([
      ...lake,
      'run',
      '--json',
      ...(existsSync(landing) ? ['--landing', landing] : []),
    ]);

    expect({ code: run.code, stderr: run.stderr }).toEqual({
      code: expected.exitCode,
      stderr: expect.any(String),
    });
    for (const part of expected.says ?? []) expect(run.stderr).toContain(part);
    if (expected.files !== undefined) {
      const rows = json<FileRow[]>(run);
      expect(rows.map(({ file }) => file)).toEqual(Object.keys(expected.files).sort());
      for (const row of rows) {
        const file = expected.files[row.file];
        const counts = [row.received, row.published, row.quarantined, row.deduplicated];
        expect({ file: row.file, status: row.status, counts }).toEqual({
          file: row.file,
          status: file?.status,
          counts: file?.counts,
        });
        for (const part of file?.why ?? []) expect(row.why).toContain(part);
        if (row.status !== 'held')
          expect(row.received).toBe(row.published + row.quarantined + row.deduplicated);
      }
    }
    if (expected.query !== undefined) {
      const answer = await headgate([...lake, 'query', expected.query.sql, '--json']);
      expect(json(answer)).toEqual(expected.query.rows);
    }
  });
});
