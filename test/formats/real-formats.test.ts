import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { type FileRow, headgate, json, SHARED } from '../support/headgate.ts';
import { describeWithPython } from '../support/judge.ts';
import { readWhole } from '../support/read-format.ts';
import { temporaryFolder } from '../support/temporary.ts';

const at = (path: string) => join(SHARED, 'data', path);
const parts = readdirSync(at('advertisex/chargepoints-2017-analysis')).filter((name) =>
  name.endsWith('.parquet'),
);

/** Columns by their types, and what becomes of the file. */
const FILES: Readonly<
  Record<
    string,
    {
      readonly format: string;
      readonly columns: Readonly<Record<string, string>>;
      readonly rows: number;
      readonly why?: string;
    }
  >
> = {
  ...Object.fromEntries(
    ['weather', 'weather-deflate', 'weather-snappy', 'weather-zstd'].map((name) => [
      `avro/${name}.avro`,
      { format: 'avro', columns: { station: 'string', time: 'integer', temp: 'integer' }, rows: 5 },
    ]),
  ),
  'advertisex/bid_requests.avro': {
    format: 'avro',
    columns: { user_id: 'string', auction_id: 'string', timestamp: 'string', ad_targeting: 'object' },
    rows: 100,
  },
  'advertisex/ad_impressions.json': {
    format: 'json',
    columns: { ad_creative_id: 'string', user_id: 'string', timestamp: 'timestamp', website: 'string' },
    rows: 100,
  },
  [`advertisex/chargepoints-2017-analysis/${parts[0]}`]: {
    format: 'parquet',
    columns: { chargepoint_id: 'string', avg_duration: 'number', max_duration: 'number' },
    rows: 1399,
  },
  'frictionless/table.ndjson': { format: 'jsonl', columns: { id: 'integer', name: 'string' }, rows: 2 },
  'frictionless/table.xlsx': { format: 'xlsx', columns: { id: 'integer', name: 'string' }, rows: 2 },
  'frictionless/merged-cells.xlsx': {
    format: 'xlsx',
    columns: { data: 'string' },
    rows: 0,
    why: 'file.header',
  },
};

const nameOf = (path: string) => `t_${basename(path).replaceAll(/\W/g, '_').slice(0, 40)}`;

const contract = (path: string) => {
  const { format, columns } = FILES[path] ?? { format: '', columns: {} };
  return JSON.stringify({
    kind: 'DataContract',
    apiVersion: 'v3.1.0',
    id: nameOf(path),
    version: '1.0.0',
    status: 'active',
    domain: 'real',
    schema: [
      {
        name: nameOf(path),
        customProperties: [{ property: 'ingestion', value: { landing: `${nameOf(path)}/*`, format } }],
        properties: Object.entries(columns).map(([name, logicalType]) => ({ name, logicalType })),
      },
    ],
  });
};

describeWithPython('formats', 'real files of every format', (python) => {
  const folder = temporaryFolder('real-formats');
  const lake = ['--home', join(folder, 'home'), '--contracts', join(folder, 'contracts'), '--marts', folder];
  let files: readonly FileRow[] = [];
  let counted: Readonly<Record<string, number>> = {};

  beforeAll(async () => {
    mkdirSync(join(folder, 'contracts'), { recursive: true });
    for (const path of Object.keys(FILES)) {
      const name = nameOf(path);
      writeFileSync(join(folder, 'contracts', `${name}.odcs.yaml`), contract(path));
      mkdirSync(join(folder, 'landing', name), { recursive: true });
      writeFileSync(join(folder, 'landing', name, 'file'), readFileSync(at(path)));
    }
    const run = await headgate([...lake, 'run', '--landing', join(folder, 'landing'), '--json']);
    files = json<FileRow[]>(run);
    counted = await python.json(join(import.meta.dirname, 'count_real.py'), ...Object.keys(FILES).map(at));
  }, 240_000);

  test.each(Object.entries(FILES))('%s', (path, { rows, why }) => {
    const file = files.find((each) => each.file === `${nameOf(path)}/file`);
    if (why !== undefined) {
      expect(file).toMatchObject({ status: 'quarantined', published: 0, why: expect.stringContaining(why) });
      return;
    }
    expect(counted[at(path)]).toBe(rows);
    expect(file).toMatchObject({ status: 'published', received: rows, published: rows, why: '' });
  });

  test('the four codecs hold the records of weather.json', async () => {
    const expected = readFileSync(at('avro/weather.json'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => Object.values(JSON.parse(line) as object).map(String));
    const tables = Object.keys(FILES).filter((path) => path.startsWith('avro/'));
    const select = tables.map(
      (path) => `SELECT '${path}' AS p, _source_row, station, time, temp FROM real.${nameOf(path)}`,
    );
    const answer = await headgate([
      ...lake,
      'query',
      `${select.join(' UNION ALL ')} ORDER BY 1, 2`,
      '--json',
    ]);
    const rows = json<Record<string, string>[]>(answer);
    for (const path of tables)
      expect(
        rows.filter(({ p }) => p === path).map(({ station, time, temp }) => [station, time, temp]),
      ).toEqual(expected);
  });

  test('a map of targeting is JSON that holds what fastavro reads', async () => {
    const path = 'advertisex/bid_requests.avro';
    const answer = await headgate([
      ...lake,
      'query',
      `SELECT ad_targeting FROM real.${nameOf(path)} ORDER BY _source_row`,
      '--json',
    ]);
    const theirs = await python.json<object[]>(
      join(import.meta.dirname, 'read_avro.py'),
      at(path),
      'ad_targeting',
    );
    expect(json<{ ad_targeting: string }[]>(answer).map((row) => JSON.parse(row.ad_targeting))).toEqual(
      theirs,
    );
  });
});

describe('frictionless workbooks', () => {
  const format = { kind: 'xlsx', headerRow: 1, dates: [], timestamps: [] } as const;

  test('table.xlsx gives the stored values of its formulas', async () => {
    const { profile, rows } = await readWhole(
      { ...format, sheet: 1 },
      readFileSync(at('frictionless/table.xlsx')),
    );
    expect(profile.header).toEqual(['id', 'name']);
    expect(rows).toEqual([
      ['1', 'english'],
      ['2', '中国人'],
    ]);
  });

  test('merged-cells.xlsx is refused: its one merged range covers the names of two columns', async () => {
    const { profile } = await readWhole(
      { ...format, sheet: 1 },
      readFileSync(at('frictionless/merged-cells.xlsx')),
    );
    expect(profile.problem).toMatchObject({
      code: 'file.header',
      message: expect.stringContaining('row 1 of the sheet has a cell merged over several columns'),
    });
  });
});
