import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import type { FileFormat } from '../../lib/contract/dataset.ts';
import { profileFile } from '../../lib/formats/profile.ts';
import { type FileRow, headgate, json, SHARED } from '../support/headgate.ts';
import { CSV } from '../support/read-format.ts';
import { temporaryFolder } from '../support/temporary.ts';

const folder = temporaryFolder('real');
const at = (path: string) => join(SHARED, 'data', path);

const profile = (path: string, format: FileFormat) => {
  const bytes = readFileSync(path);
  const body = (async function* () {
    if (bytes.length > 0) yield bytes;
  })();
  return profileFile(body, format, {
    bytes: bytes.length,
    slice: async (start, end) => bytes.subarray(start, end),
  });
};

/** A contract whose columns are all text, under the names that the file has. */
const looseContract = (names: readonly string[], format: string) =>
  JSON.stringify({
    kind: 'DataContract',
    apiVersion: 'v3.1.0',
    id: 'loose',
    version: '1.0.0',
    status: 'active',
    domain: 'loose',
    schema: [
      {
        name: 'rows',
        customProperties: [
          { property: 'ingestion', value: { landing: 'x/*', format, maxRejectPercent: 100 } },
        ],
        properties: names.map((name, index) => ({
          name: `c${index}`,
          logicalType: 'string',
          customProperties: [{ property: 'sourceNames', value: [name] }],
        })),
      },
    ],
  });

async function load(path: string, names: readonly string[], format: string) {
  const home = join(folder, basename(path));
  const landing = join(home, 'in');
  mkdirSync(landing, { recursive: true });
  writeFileSync(join(home, 'c.odcs.yaml'), looseContract(names, format));
  writeFileSync(join(landing, basename(path)), readFileSync(path));
  const lake = ['--home', home, '--contracts', home, '--marts', home];
  const run = await headgate([...lake, 'run', '--landing', landing, '--dataset', 'loose/rows', '--json']);
  const [file] = json<FileRow[]>(run);
  const columns = names.map((_, index) => `c${index}`).join(', ');
  const answer = await headgate([
    ...lake,
    'query',
    `SELECT ${columns} FROM loose.rows ORDER BY _source_row`,
    '--json',
  ]);
  return { file, rows: json<Record<string, string | null>[]>(answer).map((row) => Object.values(row)) };
}

describe('csv_spectrum', () => {
  const stems = readdirSync(at('csv_spectrum/csvs')).map((name) => name.replace(/\.csv$/, ''));

  test.each(stems)('%s parses to the values of its JSON', async (stem) => {
    const expected = JSON.parse(readFileSync(at(`csv_spectrum/json/${stem}.json`), 'utf8')) as Record<
      string,
      string
    >[];
    const names = Object.keys(expected[0] ?? {});
    const { file, rows } = await load(at(`csv_spectrum/csvs/${stem}.csv`), names, 'csv');
    expect(file).toMatchObject({ status: 'published', received: expected.length, quarantined: 0 });
    expect(rows.map((row) => row.map((value) => value ?? ''))).toEqual(
      expected.map((row) => names.map((name) => row[name])),
    );
  });
});

describe('frictionless', () => {
  /** Reason that a person reading the file gives, or the number of rows that load. */
  const expected: Readonly<
    Record<
      string,
      {
        readonly names: readonly string[];
        readonly status: string;
        readonly counts?: readonly number[];
        readonly why?: string;
      }
    >
  > = {
    'bom.csv': { names: ['id', 'name'], status: 'published', counts: [2, 2, 0] },
    'latin1.csv': { names: ['id', 'name'], status: 'quarantined', why: 'file.encoding' },
    'delimiter.csv': {
      names: ['id', 'name'],
      status: 'quarantined',
      why: 'the names stand between semicolons',
    },
    'blank-headers.csv': {
      names: ['header1', 'header3'],
      status: 'quarantined',
      why: 'without a name: field 2',
    },
    'duplicate-headers.csv': { names: ['id', 'name'], status: 'quarantined', why: 'more than once: id' },
    'empty.csv': { names: ['id'], status: 'quarantined', why: 'file.empty' },
    'defective-rows.csv': { names: ['id', 'name', 'age'], status: 'published', why: 'record.malformed 2' },
    'leading-zeros.csv': { names: ['value'], status: 'published', counts: [3, 3, 0] },
    'without-headers.csv': { names: ['id', 'name'], status: 'quarantined', why: 'file.header' },
  };

  test.each(Object.entries(expected))(
    '%s ends as a person would expect',
    async (name, { names, status, counts, why }) => {
      const { file } = await load(at(`frictionless/${name}`), names, 'csv');
      expect(file).toMatchObject({ status });
      if (counts !== undefined) expect([file?.received, file?.published, file?.quarantined]).toEqual(counts);
      if (why !== undefined) expect(file?.why).toContain(why);
      expect(file?.received).toBe(
        (file?.published ?? 0) + (file?.quarantined ?? 0) + (file?.deduplicated ?? 0),
      );
    },
  );

  test.each(readdirSync(at('frictionless')))('%s is profiled without a crash', async (name) => {
    const found = await profile(
      at(`frictionless/${name}`),
      name.endsWith('.ndjson') ? { kind: 'jsonl' } : name.endsWith('.json') ? { kind: 'json' } : CSV,
    );
    expect(found.problem !== undefined || found.records >= 0).toBe(true);
    expect(found.sha256).toMatch(/^[0-9a-f]{64}$/);
  });
});

describe('parquet_testing', () => {
  const rows: Readonly<Record<string, number>> = {
    'alltypes_plain.parquet': 8,
    'alltypes_plain.snappy.parquet': 2,
    'alltypes_dictionary.parquet': 2,
    'binary.parquet': 12,
    'int32_decimal.parquet': 24,
    'int64_decimal.parquet': 24,
    'byte_array_decimal.parquet': 24,
    'int96_from_spark.parquet': 6,
    'list_columns.parquet': 3,
    'nulls.snappy.parquet': 8,
    'nested_lists.snappy.parquet': 3,
    'delta_encoding_required_column.parquet': 100,
  };

  test.each(Object.entries(rows))('%s loads all of its %d rows as text', async (name, count) => {
    const path = at(`parquet_testing/data/${name}`);
    const { header = [], records } = await profile(path, { kind: 'parquet' });
    expect(records).toBe(count);
    const { file, rows: loaded } = await load(path, header, 'parquet');
    expect(file).toMatchObject({ status: 'published', received: count, published: count });
    expect(loaded).toHaveLength(count);
  });
});
