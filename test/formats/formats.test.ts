import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from '@jest/globals';
import { type FileRow, headgate, json } from '../support/headgate.ts';
import { describeWithPython } from '../support/judge.ts';
import { temporaryFolder } from '../support/temporary.ts';

/** Places of the columns where a format has them elsewhere than under their own names. */
type Places = Readonly<Record<string, object>>;

const at = (path: string) => ({ path });
const NESTED: Places = { city: at('address/city') };
const ROWS: Places = Object.fromEntries(
  ['id', 'name', 'amount', 'seen', 'day', 'active', 'tags', 'city'].map((name) => [
    name,
    at(`items/${name === 'city' ? 'address/city' : name}`),
  ]),
);
const XML: Places = { id: at('@id'), city: at('h:address/h:city'), tags: at('h:tag') };
const NAMESPACED: Places = {
  ...XML,
  ...Object.fromEntries(['name', 'amount', 'seen', 'day', 'active'].map((name) => [name, at(`h:${name}`)])),
};
const WIDTHS = [20, 30, 15, 30, 12, 6, 10, 20];
const NAMES = ['id', 'name', 'amount', 'seen', 'day', 'active', 'city', 'tags'];
const POSITIONS: Places = Object.fromEntries(
  NAMES.map((name, index) => [
    name,
    {
      position: {
        start: 1 + WIDTHS.slice(0, index).reduce((sum, width) => sum + width, 0),
        length: WIDTHS[index],
      },
    },
  ]),
);

const xml = { record: 'h:report/h:rows/h:row', namespaces: { h: 'urn:hotel' } };
const xlsx = { sheet: 'Data', headerRow: 2 };
const drift = { addedColumn: 'ignore' };
const avro = { ingestion: { format: 'avro' }, places: NESTED };

const FORMATS: Readonly<Record<string, { readonly ingestion: object; readonly places?: Places }>> = {
  csv: { ingestion: { format: 'csv' } },
  'csv-gzip': { ingestion: { format: 'csv' } },
  'csv-zstd': { ingestion: { format: 'csv' } },
  'csv-bzip2': { ingestion: { format: 'csv' } },
  'csv-zip': { ingestion: { format: 'csv' } },
  'csv-zip-members': { ingestion: { format: 'csv' } },
  json: { ingestion: { format: 'json' }, places: NESTED },
  'json-envelope': { ingestion: { format: 'json', json: { records: 'data/rows' } }, places: NESTED },
  jsonl: { ingestion: { format: 'jsonl' }, places: NESTED },
  'jsonl-rows': { ingestion: { format: 'jsonl', json: { rows: 'items' }, drift }, places: ROWS },
  'jsonl-zip-members': { ingestion: { format: 'jsonl' }, places: NESTED },
  'avro-null': avro,
  'avro-deflate': avro,
  'avro-snappy': avro,
  'avro-zstandard': avro,
  xml: { ingestion: { format: 'xml', xml, drift }, places: NAMESPACED },
  'xml-utf-16': { ingestion: { format: 'xml', xml, drift }, places: NAMESPACED },
  'xml-latin-1': { ingestion: { format: 'xml', xml, drift }, places: NAMESPACED },
  xlsx: { ingestion: { format: 'xlsx', xlsx } },
  'xlsx-1904': { ingestion: { format: 'xlsx', xlsx } },
  'fixed-width': { ingestion: { format: 'fixedWidth', fixedWidth: { skipLines: 1 } }, places: POSITIONS },
  parquet: { ingestion: { format: 'parquet' } },
};

const TYPES: Readonly<Record<string, object>> = {
  id: { logicalType: 'integer', required: true },
  name: { logicalType: 'string' },
  amount: { logicalType: 'number', physicalType: 'decimal(12,2)' },
  seen: { logicalType: 'timestamp' },
  day: { logicalType: 'date' },
  active: { logicalType: 'boolean' },
  city: { logicalType: 'string' },
  tags: { logicalType: 'array' },
};

const contract = (name: string, ingestion: object, places: Places) =>
  JSON.stringify({
    kind: 'DataContract',
    apiVersion: 'v3.1.0',
    id: name,
    version: '1.0.0',
    status: 'active',
    domain: 'formats',
    schema: [
      {
        name: name.replaceAll('-', '_'),
        customProperties: [{ property: 'ingestion', value: { landing: `${name}/*`, ...ingestion } }],
        properties: NAMES.map((column) => ({
          name: column,
          ...TYPES[column],
          customProperties: Object.entries(places[column] ?? {}).map(([property, value]) => ({
            property,
            value,
          })),
        })),
      },
    ],
  });

/** As written by hand from the table in write_tables.py. XML can't tell no tags from an empty list of them. */
const EXPECTED = [
  ['1', 'plain', '10.50', '2026-01-31 23:59:59.125', '2026-01-31', 'true', 'Delft', '["a","b"]'],
  ['2', 'with "quotes", a comma', '-0.05', '1969-12-31 23:00:00', '1900-03-01', 'false', 'Zürich', '[]'],
  ['4', null, null, null, null, null, null, null],
  ['5', '007', '0.10', '2026-06-01 00:00:00', '9999-12-31', 'false', 'a|b', '["1","2","3"]'],
  [
    '9007199254740993',
    '漢字 and 🦔',
    '9999999999.99',
    '2024-02-29 12:30:15',
    '2024-02-29',
    'true',
    null,
    '["x"]',
  ],
];

describeWithPython('formats', 'the same table in every format', (python) => {
  const folder = temporaryFolder('formats');
  const written = join(folder, 'written');
  const lake = ['--home', join(folder, 'home'), '--contracts', join(folder, 'contracts'), '--marts', folder];
  let files: readonly FileRow[] = [];
  let tables: readonly Record<string, string | null>[] = [];

  beforeAll(async () => {
    mkdirSync(written, { recursive: true });
    mkdirSync(join(folder, 'contracts'), { recursive: true });
    const names = await python.json<string[]>(join(import.meta.dirname, 'write_tables.py'), written);
    expect(names).toEqual(Object.keys(FORMATS).sort());
    for (const [name, { ingestion, places = {} }] of Object.entries(FORMATS)) {
      writeFileSync(join(folder, 'contracts', `${name}.odcs.yaml`), contract(name, ingestion, places));
      mkdirSync(join(folder, 'landing', name), { recursive: true });
      writeFileSync(join(folder, 'landing', name, 'file'), readFileSync(join(written, name)));
    }
    const run = await headgate([...lake, 'run', '--landing', join(folder, 'landing'), '--json']);
    files = json<FileRow[]>(run);
    const selects = Object.keys(FORMATS).map(
      (name) =>
        `SELECT '${name}' AS format, id, name, amount, CAST(seen AS varchar) AS seen, day, active, city, tags FROM formats.${name.replaceAll('-', '_')}`,
    );
    const answer = await headgate([
      ...lake,
      'query',
      `${selects.join(' UNION ALL ')} ORDER BY 1, 2`,
      '--json',
    ]);
    expect(answer.stderr).toBe('');
    tables = json<Record<string, string | null>[]>(answer);
  }, 240_000);

  test.each(Object.keys(FORMATS))('%s publishes the rows that were written', async (name) => {
    const file = files.find((each) => each.file === `${name}/file`);
    expect(file).toMatchObject({ status: 'published', received: 5, published: 5, quarantined: 0, why: '' });
    const rows = tables
      .filter(({ format }) => format === name)
      .map(({ format: _, ...row }) => Object.values(row));
    const expected = EXPECTED.map((row) =>
      row.map((value) => (name.startsWith('xml') && value === '[]' ? null : value)),
    );
    expect(rows.map((row) => row.map((value) => value?.replace(/\+00$/, '') ?? null))).toEqual(expected);
  });
});
