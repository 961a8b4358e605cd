import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { parseContract } from '../../../lib/contract/parse.ts';
import { type FileRow, headgate, json, SHARED } from '../../support/headgate.ts';
import { temporaryFolder } from '../../support/temporary.ts';

const data = join(SHARED, 'data');
const folder = temporaryFolder('init');
const filesIn = (path: string, ending: string) =>
  readdirSync(join(data, path))
    .filter((name) => name.endsWith(ending))
    .map((name) => `${path}/${name}`);

interface RealSet {
  /** Records of the files, from each SOURCE.md. */
  readonly records: number;
  /** Records that can't be split into the fields of the header; all others are published. */
  readonly malformed?: number;
  readonly files?: readonly string[];
  /** Lines of the proposed contract that a person has to edit before it loads: text and what replaces it. */
  readonly edits?: readonly (readonly [string, string])[];
}

const SETS: Readonly<Record<string, RealSet>> = {
  'advertisex/ad_impressions.json': { records: 100 },
  'advertisex/clicks_conversions.csv': { records: 100 },
  'advertisex/electric-chargepoints-2017.csv': { records: 5000 },
  'avro/weather.json': { records: 5 },
  'customers/febrl/dataset1.csv': { records: 1000 },
  'dbt_shopify/shopify_gql_transaction_data.csv': { records: 10 },
  'dbt_shopify/shopify_transaction_data.csv': { records: 5 },
  'frictionless/blank-headers.csv': { records: 2 },
  'frictionless/blank-rows.csv': { records: 3 },
  'frictionless/bom.csv': { records: 2 },
  'frictionless/defective-rows.csv': { records: 2, malformed: 2 },
  'frictionless/delimiter.csv': { records: 2 },
  'frictionless/doublequote.csv': { records: 5 },
  'frictionless/duplicate-headers.csv': { records: 2 },
  'frictionless/encoding-issue-274.csv': { records: 507 },
  'frictionless/issue-1009-semicolon.csv': { records: 1 },
  'frictionless/latin1.csv': { records: 2 },
  'frictionless/leading-zeros.csv': { records: 3 },
  'frictionless/without-headers.csv': { records: 3 },
  'frictionless/table.ndjson': { records: 2 },
  'parquet_testing/data/delta_encoding_required_column_expect.csv': { records: 100 },
  'talpa/sample.csv': { records: 200 },
  ...Object.fromEntries(
    readdirSync(join(data, 'csv_spectrum/csvs')).flatMap((name) => {
      const json = `csv_spectrum/json/${name.replace(/csv$/, 'json')}`;
      const { length: records } = JSON.parse(readFileSync(join(data, json), 'utf8')) as unknown[];
      return [
        [`csv_spectrum/csvs/${name}`, { records }],
        [json, { records }],
      ];
    }),
  ),
  covid_daily: { files: filesIn('covid_daily', '.csv'), records: 40_870 },
  retail: { files: filesIn('retail/by-day', '.csv'), records: 142_083 },
};

const MOST_EDITS = 5;

async function proposed(name: string, files: readonly string[]) {
  const home = join(folder, name.replaceAll(/\W/g, '_'));
  const contract = join(home, 'feed.odcs.yaml');
  mkdirSync(join(home, 'in/sets/feed'), { recursive: true });
  const paths = files.map((file) => join(data, file));
  const init = await headgate(['contract', 'init', ...paths, '--dataset', 'sets/feed', '--out', contract]);
  return { home, contract, paths, init };
}

describe('contract init on every real set of CSV and JSON', () => {
  test.each(Object.entries(SETS))(
    '%s: the contract loads what it was made from',
    async (name, set) => {
      const { files = [name], records, malformed = 0, edits = [] } = set;
      const { home, contract, paths, init } = await proposed(name, files);
      expect(init).toMatchObject({ code: 0 });
      expect(edits.length).toBeLessThanOrEqual(MOST_EDITS);
      const text = readFileSync(contract, 'utf8');
      for (const [from] of edits) expect(text).toContain(from);
      writeFileSync(
        contract,
        edits.reduce((changed, [from, to]) => changed.replace(from, to), text),
      );
      expect(await headgate(['contract', 'check', contract])).toMatchObject({ code: 0 });

      for (const path of paths) cpSync(path, join(home, 'in/sets/feed', basename(path)));
      const lake = ['--home', join(home, 'lake'), '--contracts', home, '--marts', home];
      const run = await headgate([...lake, 'run', '--landing', join(home, 'in'), '--json']);
      const rows = json<FileRow[]>(run);
      expect(rows.map(({ status }) => status)).toEqual(files.map(() => 'published'));
      const sum = (count: 'received' | 'published' | 'quarantined' | 'deduplicated') =>
        rows.reduce((total, row) => total + row[count], 0);
      expect([sum('received'), sum('published'), sum('quarantined'), sum('deduplicated')]).toEqual([
        records,
        records - malformed,
        malformed,
        0,
      ]);
    },
    180_000,
  );

  test.each([
    ['frictionless/empty.csv', 'has no bytes'],
    ['frictionless/table.json', 'no record is an object'],
    ['advertisex/bid_requests.schema.json', 'no record is an object'],
    [
      'advertisex/bid_requests.avro',
      'is an Avro file; a contract is proposed for CSV, JSON, JSON lines and Parquet',
    ],
  ])(
    '%s holds no records that a contract could describe: it is refused with the reason',
    async (name, reason) => {
      const { init } = await proposed(name, [name]);
      expect(init.code).toBe(1);
      expect(init.stderr).toContain(reason);
    },
  );
});

describe('what it proposes', () => {
  const datasetOf = async (name: string, files: readonly string[]) => {
    const { contract } = await proposed(`${name}-again`, files);
    const text = readFileSync(contract, 'utf8');
    const [dataset] = parseContract(text, contract).datasets;
    const column = (column: string) => dataset?.columns.find((each) => each.name === column);
    return { text, dataset, column };
  };

  test('for drifting files: the names that the source has used and its four date forms', async () => {
    const { text, dataset, column } = await datasetOf('covid', SETS.covid_daily?.files ?? []);
    expect(dataset?.drift.missingColumn).toBe('null');
    expect(dataset?.landing).toBe('sets/feed/{businessDate:MM-dd-yyyy}.csv');
    expect(column('last_update')?.sourceNames).toEqual(['Last Update', 'Last_Update']);
    expect(column('last_update')?.type).toEqual({
      kind: 'timestamp',
      formats: ['M/d/yy H:mm', 'M/d/yyyy H:mm', 'yyyy-MM-dd HH:mm:ss', "yyyy-MM-dd'T'HH:mm:ss"],
      zone: 'UTC',
    });
    expect(column('latitude')?.sourceNames).toEqual(['Latitude', 'Lat']);
    expect(column('fips')?.type.kind).toBe('string');
    expect(dataset?.columns).toHaveLength(12);
    expect(text).toContain('UNSURE: these names never stand in one file');
  }, 60_000);

  test('for persons: protection, and a key', async () => {
    const { dataset, column } = await datasetOf('febrl', ['customers/febrl/dataset1.csv']);
    expect(dataset?.columns.filter(({ pii }) => pii !== undefined).map(({ name }) => name)).toEqual([
      'given_name',
      'surname',
      'street_number',
      'address_1',
      'address_2',
      'postcode',
      'date_of_birth',
      'soc_sec_id',
    ]);
    expect(column('rec_id')?.primaryKey).toBe(1);
    expect(column('given_name')?.trim).toBe(true);
  }, 60_000);

  test('is printed, or written to a file that is not there yet', async () => {
    const sample = join(data, 'talpa/sample.csv');
    const out = join(folder, 'out.odcs.yaml');
    const printed = await headgate(['contract', 'init', sample]);
    expect(printed).toMatchObject({ code: 0, stdout: expect.stringContaining('kind: DataContract') });
    expect(await headgate(['contract', 'init', sample, '--out', out])).toMatchObject({ code: 0, stdout: '' });
    const again = await headgate(['contract', 'init', sample, '--out', out]);
    expect(again).toMatchObject({ code: 1, stderr: expect.stringContaining('--force overwrites it') });
    writeFileSync(out, '');
    expect(await headgate(['contract', 'init', sample, '--out', out, '--force'])).toMatchObject({ code: 0 });
    expect(readFileSync(out, 'utf8')).toBe(printed.stdout);
  }, 60_000);
});
