import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { stringify } from 'yaml';
import { headgate, json } from '../support/headgate.ts';
import { temporaryFolder } from '../support/temporary.ts';

const folder = temporaryFolder('engine');

interface Shop {
  readonly home: string;
  readonly run: (files: Readonly<Record<string, string>>) => Promise<number>;
  readonly ask: (sql: string) => Promise<unknown>;
}

/** A lake with one dataset shop/items, and a landing folder in its home. */
function shop(name: string, ingestion: object, properties: readonly object[], marts: object = {}): Shop {
  const home = join(folder, name, 'home');
  const contracts = join(folder, name, 'contracts');
  const write = (path: string, text: string) => {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  };
  const value = { landing: 'shop/{businessDate:yyyy-MM-dd}/*', maxRejectPercent: 100, ...ingestion };
  const customProperties = [{ property: 'ingestion', value }];
  const document = {
    kind: 'DataContract',
    apiVersion: 'v3.1.0',
    id: 'shop',
    version: '1.0.0',
    status: 'active',
  };
  const schema = [{ name: 'items', customProperties, properties }];
  write(join(contracts, 'items.odcs.yaml'), stringify({ ...document, domain: 'shop', schema }));
  const header = '-- purpose: a test\n-- grain: id\n-- parameters: none\n-- zone: UTC\n';
  for (const [mart, sql] of Object.entries(marts))
    write(join(contracts, `shop/${mart}.sql`), `${header}${sql}`);
  const lake = ['--home', home, '--contracts', contracts, '--marts', contracts];
  return {
    home,
    async run(files) {
      for (const [key, text] of Object.entries(files)) write(join(home, 'landing/shop', key), text);
      return (await headgate([...lake, 'run'])).code;
    },
    async ask(sql) {
      const answer = await headgate([...lake, 'query', sql, '--json']);
      return answer.code === 0 ? json(answer) : answer.stderr;
    },
  };
}

const key = { name: 'id', logicalType: 'integer', required: true, primaryKey: true, primaryKeyPosition: 1 };

describe('the engine', () => {
  test('merges rows whose columns are named like its own, in a folder named like a partition of them', async () => {
    const texts = ['env', 'filename', 'file_index'].map((name) => ({ name, logicalType: 'string' }));
    const number = { name: 'file_row_number', logicalType: 'integer' };
    const properties = [key, ...texts, number];
    const { run, ask } = shop('env=prod', { format: 'csv', writeMode: 'merge' }, properties);
    const header = 'id,env,filename,file_index,file_row_number\n';
    expect(await run({ '2026-01-30/a.csv': `${header}1,q,x,5,7\n2,w,x,5,7\n` })).toBe(0);
    expect(await run({ '2026-01-31/b.csv': `${header}1,r,y,6,8\n` })).toBe(0);
    expect(
      await ask(
        'SELECT id, env, filename, file_index, file_row_number, _source_row FROM shop.items ORDER BY id',
      ),
    ).toEqual([
      { id: '1', env: 'r', filename: 'y', file_index: '6', file_row_number: '8', _source_row: '1' },
      { id: '2', env: 'w', filename: 'x', file_index: '5', file_row_number: '7', _source_row: '2' },
    ]);
  });

  test('numbers records after one that is too long only when its quotes are doubled', async () => {
    const { run, ask } = shop('long', { format: 'jsonl' }, [key, { name: 'list', logicalType: 'array' }]);
    const long = `{"id":3,"list":["${Array.from({ length: 400_000 }, () => 'a').join('","')}"]}`;
    const lines = ['oops', '{"id":2,"list":[]}', long, '{"id":4,"list":[]}', 'oops', '{"id":6,"list":[]}'];
    expect(await run({ '2026-01-31/a.jsonl': `${lines.join('\n')}\n` })).toBe(3);
    expect(await ask('SELECT id, _source_row FROM shop.items ORDER BY id')).toEqual([
      { id: '2', _source_row: '2' },
      { id: '4', _source_row: '4' },
      { id: '6', _source_row: '6' },
    ]);
    const start = 'oops\n{"id":2,"list":[]}\n'.length;
    expect(
      await ask(
        'SELECT _source_row, _byte_start, _byte_end FROM shop_quarantine.items WHERE _source_row = 3',
      ),
    ).toEqual([{ _source_row: '3', _byte_start: `${start}`, _byte_end: `${start + long.length}` }]);
  });

  test('removes what a run of the dataset that was killed left in its scratch folder', async () => {
    const { run, home } = shop('killed', { format: 'csv' }, [key]);
    const left = ['stage-0.parquet', 'rewritten/0.csv'].map((name) => join(home, 'scratch/shop/items', name));
    for (const path of left) {
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, 'personal data in clear');
    }
    expect(await run({ '2026-01-31/a.csv': 'id\n1\n' })).toBe(0);
    expect(left.filter((path) => existsSync(path))).toEqual([]);
  });
});

describe('a query', () => {
  test('opens tables and marts by their names, not columns, and marts in marts', async () => {
    const marts = {
      base: 'SELECT id, items FROM shop.items',
      top: 'SELECT id, items FROM shop_marts.base WHERE id > 1',
      around: 'SELECT * FROM shop_marts.about',
      about: 'SELECT * FROM shop_marts.around',
    };
    const properties = [key, { name: 'items', logicalType: 'string' }];
    const { run, ask } = shop('marts', { format: 'csv' }, properties, marts);
    expect(await run({ '2026-01-31/a.csv': 'id,items\n1,a\n2,b\n' })).toBe(0);
    expect(await ask('SELECT * FROM shop_marts.top')).toEqual([{ id: '2', items: 'b' }]);
    expect(await ask('SELECT 1 AS items, state FROM headgate.files')).toEqual([
      { items: '1', state: 'published' },
    ]);
    expect(await ask('SELECT * FROM shop_marts.around')).toContain(
      'shop_marts.around -> shop_marts.about -> shop_marts.around',
    );
    expect(await ask('SELECT * FROM items')).toContain('Table with name items does not exist');
  });
});
