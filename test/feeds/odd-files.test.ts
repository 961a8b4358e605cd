import { copyFileSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { type FileRow, headgate, json, SHARED } from '../support/headgate.ts';
import { temporaryFolder } from '../support/temporary.ts';

const folder = temporaryFolder('odd-files');

interface Case {
  readonly file: string;
  /** What the contract of the case says: names that the source sends; the first is required, but in Parquet files. */
  readonly names: readonly string[];
  readonly format?: 'csv' | 'json' | 'jsonl' | 'parquet';
  readonly csv?: Readonly<Record<string, unknown>>;
  /** received, published, quarantined */
  readonly counts: readonly [number, number, number];
  /** What a person who reads the file would say. Nothing: it loads whole. */
  readonly why?: string;
}

const contractOf = ({ names, format = 'csv', csv }: Case): string =>
  JSON.stringify({
    kind: 'DataContract',
    apiVersion: 'v3.1.0',
    id: 'odd',
    version: '1.0.0',
    status: 'active',
    domain: 'odd',
    schema: [
      {
        name: 'rows',
        customProperties: [
          { property: 'ingestion', value: { landing: 'x/*', format, csv, maxRejectPercent: 100 } },
        ],
        properties: names.map((name, index) => ({
          name: `c${index}`,
          logicalType: 'string',
          required: index === 0 && format !== 'parquet',
          customProperties: [{ property: 'sourceNames', value: [name] }],
        })),
      },
    ],
  });

let made = 0;

async function load(from: string, each: Case) {
  const home = join(folder, String(++made));
  mkdirSync(join(home, 'in'), { recursive: true });
  writeFileSync(join(home, 'c.odcs.yaml'), contractOf(each));
  copyFileSync(join(from, each.file), join(home, 'in', each.file));
  const lake = ['--home', home, '--contracts', home, '--marts', home];
  const run = await headgate([
    ...[...lake, 'run', '--json'],
    ...['--landing', join(home, 'in'), '--dataset', 'odd/rows'],
  ]);
  const [row] = json<FileRow[]>(run);
  if (row === undefined) throw new Error(run.stderr);
  const values = async () => {
    const columns = each.names.map((_, index) => `c${index}`).join(', ');
    const query = `SELECT ${columns} FROM odd.rows ORDER BY _source_row`;
    const answer = await headgate([...lake, 'query', query, '--json']);
    return json<Record<string, string | null>[]>(answer).map((row) => Object.values(row));
  };
  return { code: run.code, row, values };
}

async function expectCase(from: string, each: Case): Promise<void> {
  const { code, row } = await load(from, each);
  const { received, published, quarantined, deduplicated } = row;
  expect({ counts: [received, published, quarantined], why: row.why }).toEqual({
    counts: each.counts,
    why: each.why === undefined ? '' : expect.stringContaining(each.why),
  });
  expect(deduplicated).toBe(0);
  expect(code).toBe(each.why === undefined ? 0 : 3);
}

const ID_NAME = ['id', 'name'];
const WORKBOOK = { names: ID_NAME, counts: [0, 0, 0], why: 'file.format: this is an XLSX workbook' } as const;

describe('frictionless', () => {
  const from = join(SHARED, 'data/frictionless');
  const INCISO =
    'INCISO,NOMBREINCISO,UE,NOMBREUE,AÑO,CODIGOAP,NOMBREAP,DESCRIPCIONAP,CODIGOPROGRAMA,NOMBREPROGRAMA,DESCRIPCIONPROGRAMA,INCISOCODIGO,UECODIGO,ue_cod,presupuestado,pfi,pbi';
  const ORGANISATION =
    'id,name,abbreviation,other_names,description,classification,parent_id,founding_date,dissolution_date,image,url,jurisdiction_code,email,address,contact,tags,source_url';
  const cases: readonly Case[] = [
    {
      file: 'blank-headers.csv',
      names: ['id', 'name', 'age'],
      counts: [2, 0, 2],
      why: 'without a name: field 2',
    },
    { file: 'blank-rows.csv', names: ['id', 'name', 'age'], counts: [3, 2, 1], why: 'c0.required 1' },
    { file: 'bom.csv', names: ID_NAME, counts: [2, 2, 0] },
    {
      file: 'defective-rows.csv',
      names: ['id', 'name', 'age'],
      counts: [2, 0, 2],
      why: 'record.malformed 2',
    },
    { file: 'delimiter.csv', names: ID_NAME, counts: [2, 0, 2], why: 'the names stand between semicolons' },
    { file: 'delimiter.csv', names: ID_NAME, csv: { delimiter: ';' }, counts: [2, 2, 0] },
    { file: 'doublequote.csv', names: INCISO.split(','), counts: [5, 5, 0] },
    {
      file: 'duplicate-headers.csv',
      names: ['id', 'name', 'age'],
      counts: [2, 0, 2],
      why: 'more than once: id',
    },
    { file: 'empty.csv', names: ID_NAME, counts: [0, 0, 0], why: 'file.empty' },
    { file: 'encoding-issue-274.csv', names: ORGANISATION.split(','), counts: [507, 507, 0] },
    {
      file: 'issue-1009-semicolon.csv',
      names: ['fieldNameA', 'fieldNameB'],
      csv: { delimiter: ';' },
      counts: [1, 1, 0],
    },
    { file: 'latin1.csv', names: ID_NAME, counts: [0, 0, 0], why: 'file.encoding' },
    { file: 'latin1.csv', names: ID_NAME, csv: { encoding: 'latin-1' }, counts: [2, 2, 0] },
    { file: 'leading-zeros.csv', names: ['value'], counts: [3, 3, 0] },
    { file: 'merged-cells.xlsx', ...WORKBOOK },
    { file: 'table.json', names: ID_NAME, format: 'json', counts: [3, 0, 3], why: 'record.malformed 3' },
    { file: 'table.ndjson', names: ID_NAME, format: 'jsonl', counts: [2, 2, 0] },
    { file: 'table.xlsx', ...WORKBOOK },
    {
      file: 'without-headers.csv',
      names: ID_NAME,
      counts: [2, 0, 2],
      why: 'missing: c0, c1; not in the contract: 2 names, not shown',
    },
    { file: 'without-headers.csv', names: ID_NAME, csv: { header: false }, counts: [3, 3, 0] },
  ];

  test('every file has its expectation', () => {
    const files = readdirSync(from).filter((name) => name !== 'SOURCE.md');
    expect([...new Set(cases.map(({ file }) => file))].sort()).toEqual(files.sort());
  });

  test.each(cases.map((each) => [each.file, each.why ?? 'loads', each] as const))(
    '%s: %s',
    (_file, _why, each) => expectCase(from, each),
  );
});

describe('parquet_testing', () => {
  const from = join(SHARED, 'data/parquet_testing/data');
  const ALLTYPES =
    'id,bool_col,tinyint_col,smallint_col,int_col,bigint_col,float_col,double_col,date_string_col,string_col,timestamp_col';
  const DELTA =
    'c_customer_sk:,c_current_cdemo_sk:,c_current_hdemo_sk:,c_current_addr_sk:,c_first_shipto_date_sk:,c_first_sales_date_sk:,c_birth_day:,c_birth_month:,c_birth_year:,c_customer_id:,c_salutation:,c_first_name:,c_last_name:,c_preferred_cust_flag:,c_birth_country:,c_email_address:,c_last_review_date:';
  const parquet = (file: string, names: string, rows: number): Case => ({
    file,
    names: names.split(','),
    format: 'parquet',
    counts: [rows, rows, 0],
  });
  const delta = parquet('delta_encoding_required_column.parquet', DELTA, 100);
  const expectedOfDelta: Case = {
    file: 'delta_encoding_required_column_expect.csv',
    names: DELTA.replaceAll(':', '').split(','),
    counts: [100, 100, 0],
  };
  const cases: readonly Case[] = [
    parquet('alltypes_dictionary.parquet', ALLTYPES, 2),
    parquet('alltypes_plain.parquet', ALLTYPES, 8),
    parquet('alltypes_plain.snappy.parquet', ALLTYPES, 2),
    parquet('binary.parquet', 'foo', 12),
    parquet('byte_array_decimal.parquet', 'value', 24),
    delta,
    expectedOfDelta,
    parquet('int32_decimal.parquet', 'value', 24),
    parquet('int64_decimal.parquet', 'value', 24),
    parquet('int96_from_spark.parquet', 'a', 6),
    parquet('list_columns.parquet', 'int64_list,utf8_list', 3),
    parquet('nested_lists.snappy.parquet', 'a,b', 3),
    parquet('nulls.snappy.parquet', 'b_struct', 8),
    {
      ...parquet('int32_decimal.parquet', 'amount', 24),
      counts: [24, 0, 24],
      why: 'missing: c0; not in the contract: value',
    },
    {
      ...expectedOfDelta,
      format: 'parquet',
      counts: [0, 0, 0],
      why: 'the Parquet footer is missing or damaged',
    },
  ];

  test('every file has its expectation', () => {
    expect([...new Set(cases.map(({ file }) => file))].sort()).toEqual(readdirSync(from).sort());
  });

  test.each(cases.map((each) => [each.file, each.why ?? 'loads', each] as const))(
    '%s: %s',
    (_file, _why, each) => expectCase(from, each),
  );

  test('delta_encoding_required_column.parquet has the values that its makers expect', async () => {
    const text = (rows: readonly (readonly (string | null)[])[]) =>
      rows.map((row) => row.map((value) => value ?? ''));
    const [found, expected] = [await load(from, delta), await load(from, expectedOfDelta)];
    expect(text(await found.values())).toEqual(text(await expected.values()));
  });
});
