import { spawnSync } from 'node:child_process';
import { existsSync, globSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { basename, join } from 'node:path';
import { inspect } from 'node:util';
import { DuckDBInstance } from '@duckdb/node-api';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { duckDbError } from '../../lib/adapters/local/duckdb-session.ts';
import { scratchOf } from '../../lib/adapters/local/lake.ts';
import { duckDb } from '../../lib/plan/dialects/duckdb.ts';
import { type FileRow, headgate, json } from '../support/headgate.ts';
import { temporaryFolder } from '../support/temporary.ts';

const ACTIONS = ['tokenize', 'mask', 'redact', 'drop', 'vault'] as const;
/** In every personal value and nowhere else. */
const PERSONAL = 'zqperson';
/** In a personal value that came shifted into a column that is not personal, and is refused there. */
const SHIFTED = 'zqshifted';

const CONTRACT = `
kind: DataContract
apiVersion: v3.1.0
id: people
version: 1.0.0
status: active
domain: shop
schema:
  - name: people
    customProperties:
      - property: ingestion
        value: { landing: 'people/*', format: csv, raw: true, maxRejectPercent: 100 }
    properties:
      - { name: id, logicalType: integer, required: true }
${ACTIONS.map(
  (action) => `
      - name: ${action}
        logicalType: string
        logicalTypeOptions: { maxLength: 30 }
        customProperties: [{ property: pii, value: { kind: any, action: ${action} } }]`,
).join('')}
      - { name: amount, logicalType: number, physicalType: 'decimal(9,2)' }
`;

const HEADER = `id,${ACTIONS.join(',')},amount\n`;
const person = (id: number | string, more: string, amount: string) =>
  `${id},${ACTIONS.map((action) => `${PERSONAL}-${action}${id}${more}`).join(',')},${amount}\n`;

const FILES = {
  'rows.csv': `${HEADER}${person(1, '', '1.50')}${person(2, 'x'.repeat(30), '2.50')}${person(3, '', SHIFTED)}4,${PERSONAL}\n`,
  'without-header.csv': person(5, '', '1.00'),
};

describe('values of personal columns stand in raw and in the vault, and nowhere else', () => {
  const folder = temporaryFolder('clear-values');
  const home = join(folder, 'home');
  const lake = ['--home', home, '--contracts', join(folder, 'contracts'), '--marts', folder];
  const filesOf = (pattern: string) =>
    globSync(join(home, pattern)).filter((file) => statSync(file).isFile());

  beforeAll(async () => {
    mkdirSync(join(folder, 'contracts'));
    mkdirSync(join(folder, 'landing/people'), { recursive: true });
    writeFileSync(join(folder, 'contracts/people.odcs.yaml'), CONTRACT);
    for (const [name, text] of Object.entries(FILES))
      writeFileSync(join(folder, 'landing/people', name), text);
    const run = await headgate([...lake, 'run', '--json', '--landing', join(folder, 'landing')]);
    expect(json<FileRow[]>(run).map(({ file, status, quarantined }) => [file, status, quarantined])).toEqual([
      ['people/rows.csv', 'published', 3],
      ['people/without-header.csv', 'quarantined', 0],
    ]);
    expect(`${run.stdout}${run.stderr}`).not.toMatch(/zq/);
  });

  test('not in the ledger, the plans, the results or the names of anything', () => {
    const files = ['*.db*', 'results/**', 'lake/**', 'scratch/**'].flatMap(filesOf);
    expect(files.length).toBeGreaterThan(10);
    expect(files.filter((file) => readFileSync(file).includes(PERSONAL))).toEqual([]);
    expect(files.filter((file) => file.includes('zq'))).toEqual([]);
    // The row itself waits in quarantine as it came; no other document tells of it.
    const results = filesOf('results/**').filter((file) => readFileSync(file).includes(SHIFTED));
    expect(results).toEqual([]);
  });

  test('not in a row of any table but the vault', async () => {
    const connection = await (await DuckDBInstance.create(':memory:')).connect();
    const rowsOf = async (files: readonly string[]) => {
      const list = files.map(duckDb.literal).join(', ');
      const sql = `SELECT CAST(t AS VARCHAR) FROM read_parquet([${list}], union_by_name = true) AS t`;
      return (await connection.runAndReadAll(sql)).getRowsJson().flat().map(String);
    };
    const open = await rowsOf(filesOf('lake/**/*.parquet'));
    // One published, three refused, and in raw all that could be split.
    expect(open).toHaveLength(1 + 3 + 3);
    expect(open.filter((row) => row.includes(PERSONAL))).toEqual([]);
    expect((await rowsOf(filesOf('vault/**/*.parquet'))).join()).toContain(`${PERSONAL}-vault1`);
  });

  test('not in what is shown of a file whose first row was taken for its header', async () => {
    const shown = await headgate([...lake, 'quarantine', 'show', 'people/without-header.csv', '--json']);
    expect(shown.stdout).toContain('none of its names is an agreed one');
    expect(shown.stdout).not.toContain(PERSONAL);
  });

  test('not in what a process that died has left, while another one works', async () => {
    const ended = spawnSync('true').pid;
    const [dead, living] = [`${hostname()}+${ended}+1`, basename(scratchOf(home))].map((name) =>
      join(home, 'scratch', name, 'shop'),
    );
    for (const place of [dead, living]) {
      mkdirSync(place ?? '', { recursive: true });
      writeFileSync(join(place ?? '', 'stage-0.parquet'), PERSONAL);
    }
    await headgate([...lake, 'status']);
    expect([dead, living].map((place) => existsSync(place ?? ''))).toEqual([false, true]);
  });

  test('and other users of the machine read neither those nor the key', () => {
    const open = ['raw', 'vault', 'scratch', 'keys', 'keys/pii.key'].filter(
      (name) => (statSync(join(home, name)).mode & 0o077) !== 0,
    );
    expect(open).toEqual([]);
  });
});

test('what DuckDB quotes of a row is not even in the cause of an error', () => {
  const error = duckDbError(new Error(`Conversion Error: Could not convert string '${PERSONAL}' to INT32`));
  expect(inspect(error)).toContain('Conversion Error');
  expect(inspect(error)).not.toContain(PERSONAL);
});
