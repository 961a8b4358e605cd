import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { parse } from 'csv-parse/sync';
import { type FileRow, headgate, json, ROOT, SHARED } from '../support/headgate.ts';
import { ordersContract } from '../support/orders-contract.ts';
import { temporaryFolder } from '../support/temporary.ts';

const folder = temporaryFolder('ways-back');
const DAYS = join(SHARED, 'data/retail/by-day');
const names = readdirSync(DAYS)
  .filter((name) => name.endsWith('.csv'))
  .sort();
const LAST = names.at(-1) ?? '';
const CORRECTED = '2011-01-05.csv';

/** Rows and value of files, counted by another CSV parser: cents of quantity times thousandths, exact in integers. */
function counted(files: readonly string[]): { readonly n: string; readonly value: string } {
  let n = 0;
  let value = 0n;
  for (const file of files) {
    for (const row of parse(readFileSync(file), { columns: true, bom: true }) as Record<string, string>[]) {
      n++;
      value += BigInt(row.Quantity ?? '') * thousandths(row.UnitPrice ?? '');
    }
  }
  return { n: String(n), value: String(value) };
}

function thousandths(text: string): bigint {
  const [, sign = '', whole = '', fraction = ''] = /^(-?)(\d*)(?:\.(\d*))?$/.exec(text) ?? [];
  return BigInt(`${sign}${whole}${fraction.padEnd(3, '0').slice(0, 3)}`);
}

const command = (home: string, ...args: readonly string[]) => headgate(['--home', home, ...args]);
const totals = async (home: string) =>
  json<Record<string, string>[]>(
    await command(
      home,
      'query',
      '--json',
      'SELECT count(*) AS n, CAST(sum(quantity * unit_price) * 1000 AS bigint) AS value FROM retail.sales',
    ),
  )[0];
const balance = async (home: string) =>
  json<Record<string, string>[]>(
    await command(
      home,
      'query',
      '--json',
      "SELECT key, state, received - published - quarantined - deduplicated AS missing FROM headgate.files WHERE state <> 'withdrawn' AND received <> published + quarantined + deduplicated",
    ),
  );

describe('the ways back, on 95 days of retail', () => {
  const home = join(folder, 'retail');
  const paths = names.map((name) => join(DAYS, name));
  const early = paths.slice(0, -1);

  test('a day is rolled back, replayed, and another one corrected: totals as counted apart from Headgate', async () => {
    expect(names).toHaveLength(95);
    const before = join(folder, 'before');
    mkdirSync(before);
    for (const path of early) cpSync(path, join(before, path.slice(DAYS.length + 1)));
    expect((await command(home, 'run', '--landing', before, '--dataset', 'retail/sales')).code).toBe(0);
    expect(await totals(home)).toEqual(counted(early));
    expect((await command(home, 'run', '--landing', DAYS, '--dataset', 'retail/sales')).code).toBe(0);
    expect(await totals(home)).toEqual(counted(paths));

    const [first] = json<{ snapshot: string; time: string }[]>(
      await command(home, 'snapshots', 'retail/sales', '--json'),
    );
    const then = await command(
      home,
      'query',
      'SELECT count(*) AS n FROM retail.sales',
      '--as-of',
      String(first?.time),
      '--json',
    );
    expect(json(then)).toEqual([{ n: counted(early).n }]);
    const back = await command(
      home,
      'rollback',
      'retail/sales',
      '--to',
      String(first?.snapshot),
      '--yes',
      '--json',
    );
    expect(json<{ change: string }[]>(back).map(({ change }) => change)).toEqual(['withdrawn']);
    expect(await totals(home)).toEqual(counted(early));
    const status = json<Record<string, number>[]>(await command(home, 'status', '--json'));
    expect(status.find(({ dataset }) => String(dataset) === 'retail/sales')).toMatchObject({ withdrawn: 1 });
    expect((await command(home, 'run', '--landing', DAYS, '--dataset', 'retail/sales')).code).toBe(0);
    expect(await totals(home)).toEqual(counted(early));

    const replay = await command(home, 'replay', '--yes', '--json', LAST);
    expect(replay).toMatchObject({ code: 0 });
    expect(await totals(home)).toEqual(counted(paths));

    const corrected = join(folder, 'corrected.csv');
    const lines = readFileSync(join(DAYS, CORRECTED), 'utf8').split('\n');
    writeFileSync(corrected, [...lines.slice(0, 10), ...lines.slice(20)].join('\n'));
    const successor = await command(home, 'replay', '--yes', '--json', CORRECTED, '--with', corrected);
    expect(successor).toMatchObject({ code: 0 });
    const now = [...paths.filter((path) => !path.endsWith(CORRECTED)), corrected];
    expect(await totals(home)).toEqual(counted(now));
    expect(await balance(home)).toEqual([]);
    const states = json<{ state: string; n: string }[]>(
      await command(
        home,
        'query',
        '--json',
        'SELECT state, count(*) AS n FROM headgate.files GROUP BY state ORDER BY state',
      ),
    );
    // The second look at the folder found 94 known files by their bytes, each once.
    expect(states.filter(({ state }) => state !== 'duplicate')).toEqual([
      { state: 'published', n: '95' },
      { state: 'superseded', n: '1' },
    ]);
    expect((await command(home, 'doctor')).code).toBe(0);
  }, 600_000);
});

describe('a steward', () => {
  const home = join(folder, 'steward');

  test('mends refused rows and hands them back, and gives others up', async () => {
    mkdirSync(join(home, 'landing'), { recursive: true });
    cpSync(join(ROOT, 'samples/retail'), join(home, 'landing/retail'), { recursive: true });
    expect((await command(home, 'run')).code).toBe(3);
    const file = 'retail/sales/2011-01-05.csv';
    const out = join(folder, 'of a new folder/rows.csv');
    expect((await command(home, 'quarantine', 'export', file, '--out', out)).code).toBe(0);
    expect((await command(home, 'quarantine', 'export', file, '--out', out)).stderr).toBe(
      `headgate: ${out} can't be written: it is there already; name another one\n`,
    );
    const missing = `${out}.away`;
    expect((await command(home, 'quarantine', 'release', file, '--rows', missing, '--yes')).stderr).toBe(
      `headgate: ${missing} can't be read: ENOENT\n`,
    );
    const [row] = parse(readFileSync(out), { columns: true }) as Record<string, string>[];
    expect(row?._reasons).toContain('value.missing');
    const refusedAgain = await command(home, 'quarantine', 'release', file, '--rows', out, '--yes', '--json');
    expect(refusedAgain.code).toBe(3);
    expect(json<FileRow[]>(refusedAgain)).toMatchObject([{ published: 62, quarantined: 1 }]);

    writeFileSync(out, `_source_row,quantity\n"${row?._source_row}"x,1\n`);
    expect((await command(home, 'quarantine', 'release', file, '--rows', out, '--yes')).stderr).toMatch(
      /^headgate: .*rows\.csv is no CSV that can be read: line 2 can't be parsed/,
    );
    writeFileSync(out, `_source_row,quantity\n${row?._source_row},1,5\n`);
    expect((await command(home, 'quarantine', 'release', file, '--rows', out, '--yes')).stderr).toMatch(
      /line 2 has another number of fields than the header, as where a value with a comma lacks its quotes/,
    );

    // A steward's own program writes other columns, in another order, quoted otherwise.
    writeFileSync(out, `_source_row,quantity\n"${row?._source_row}","1"\n`);
    const released = await command(home, 'quarantine', 'release', file, '--rows', out, '--yes', '--json');
    expect(released).toMatchObject({ code: 0 });
    expect(json<FileRow[]>(released)).toMatchObject([{ received: 63, published: 63, quarantined: 0 }]);
    expect(
      json(await command(home, 'query', '--json', 'SELECT count(*) AS n FROM retail_quarantine.sales')),
    ).toEqual([{ n: '0' }]);
    expect(json(await command(home, 'quarantine', 'list', '--json'))).toEqual([]);

    // What a rollback leaves is the file as it came, not the mended one.
    const snapshots = json<{ snapshot: string }[]>(
      await command(home, 'snapshots', 'retail/sales', '--json'),
    );
    const first = String(snapshots.at(0)?.snapshot);
    expect((await command(home, 'rollback', 'retail/sales', '--to', first, '--yes')).code).toBe(0);
    const again = await command(home, 'replay', file, '--yes', '--json');
    expect(json<FileRow[]>(again)).toMatchObject([{ received: 63, published: 62, quarantined: 1 }]);
  }, 300_000);

  test('gets a record that could not be read back only when it is given whole', async () => {
    const place = join(folder, 'unread');
    const landed = join(place, 'landing/shop/2026-01-31');
    mkdirSync(landed, { recursive: true });
    writeFileSync(join(landed, 'a.csv'), 'id,name,amount\n1,a,1.50\n2,Smith, John,77\n3,c\n');
    const contracts = join(ROOT, 'test/cases/ragged-rows-pointers');
    const shop = (...args: readonly string[]) => command(place, '--contracts', contracts, ...args);
    const file = 'shop/2026-01-31/a.csv';
    const out = join(folder, 'unread.csv');
    const release = () => shop('quarantine', 'release', file, '--rows', out, '--yes', '--json');
    await shop('run');
    await shop('quarantine', 'export', file, '--out', out);
    expect(json<FileRow[]>(await release())).toMatchObject([{ received: 3, published: 1, quarantined: 2 }]);

    writeFileSync(out, '_source_row,id,name,amount\n2,2,"Smith, John",\n3,,,\n');
    const inPart = await release();
    expect(inPart).toMatchObject({ code: 1, stdout: '' });
    expect(inPart.stderr).toContain(
      'row 2: its record could not be read, so every field has to be given; missing: amount',
    );

    writeFileSync(out, '_source_row,id,name,amount\n2,2,"Smith, John",77\n3,,,\n');
    expect(json<FileRow[]>(await release())).toMatchObject([{ received: 3, published: 2, quarantined: 1 }]);
    expect(
      json(await shop('query', '--json', 'SELECT id, name, amount FROM shop.items ORDER BY id')),
    ).toEqual([
      { id: '1', name: 'a', amount: '1.50' },
      { id: '2', name: 'Smith, John', amount: '77.00' },
    ]);
  }, 120_000);

  test('gives refused rows up: they stay on record, marked, with who and why', async () => {
    const other = join(folder, 'discard');
    mkdirSync(join(other, 'landing'), { recursive: true });
    cpSync(join(ROOT, 'samples/retail'), join(other, 'landing/retail'), { recursive: true });
    await command(other, 'run');
    const file = 'retail/sales/2011-01-05.csv';
    const nobody = await command(other, 'quarantine', 'discard', file, '--why', 'test order');
    expect(nobody.code).toBe(1);
    expect(nobody.stderr).toContain('--yes');
    for (const _twice of [1, 2])
      expect((await command(other, 'quarantine', 'discard', file, '--why', 'test order', '--yes')).code).toBe(
        0,
      );
    expect(json(await command(other, 'quarantine', 'list', '--json'))).toEqual([]);
    expect(json(await command(other, 'quarantine', 'list', '--all', '--json'))).toHaveLength(1);
    expect(
      json(await command(other, 'query', '--json', 'SELECT count(*) AS n FROM retail_quarantine.sales')),
    ).toEqual([{ n: '1' }]);
  }, 300_000);
});

describe('the first file of a folder of one’s own', () => {
  const home = join(folder, 'first');
  const contracts = join(folder, 'first-contracts');
  const exports = join(folder, 'my exports');
  const name = 'of-2026-01-31.csv';
  const mine = (...args: readonly string[]) => command(home, '--contracts', contracts, ...args);
  const run = (...args: readonly string[]) => mine('run', '--landing', exports, ...args);
  const csv = (rows: number, amount: (row: number) => string) =>
    [
      'id,email,amount',
      ...Array.from({ length: rows }, (_, row) => `${row},p${row}@private.example,${amount(row)}`),
    ]
      .join('\n')
      .concat('\n');

  test('is held, shows which rows fail, and a mended one takes its place', async () => {
    for (const place of [contracts, exports]) mkdirSync(place, { recursive: true });
    const columns = `
      - { name: id, logicalType: integer, required: true }
      - name: email
        logicalType: string
        classification: restricted
        customProperties: [{ property: pii, value: { kind: email, action: tokenize } }]
      - { name: amount, logicalType: number, physicalType: 'decimal(10,2)', required: true }`;
    writeFileSync(join(contracts, 'orders.odcs.yaml'), ordersContract('first', columns));
    writeFileSync(
      join(exports, name),
      csv(30, (row) => (row < 4 ? '1.50' : row === 4 ? '' : 'secret')),
    );
    const nowhere = await mine('--contracts', join(folder, 'nowhere'), 'status');
    expect(nowhere.stderr).toBe(
      `headgate: ${join(folder, 'nowhere')} can't be read: ENOENT; name the folder of the contracts with --contracts\n`,
    );
    const unclaimed = await run();
    expect(unclaimed.stdout).toContain('file.unknown_feed');
    expect(unclaimed.stderr).toContain(
      `no landing pattern matches 1 of the files; where all of the folder are of one dataset: npx headgate run --landing '${exports}' --dataset DOMAIN/NAME, such as shop/orders`,
    );
    const held = await run('--dataset', 'shop/orders', '--json');
    expect(held.code).toBe(3);
    expect(held.stderr).not.toContain('--dataset');
    const [{ run: id = '' } = {}] = json<{ run: string }[]>(await mine('hold', 'list', '--json'));
    const [file] = json<{ file: string }[]>(await mine('files', '--json')).filter(({ file: each }) =>
      each.startsWith('2026-01-31.'),
    );
    const decisions = `npx headgate hold release ${id} or npx headgate hold reject ${id} or npx headgate hold reject ${id} && npx headgate replay ${file?.file} --with MENDED_FILE`;
    expect(held.stderr.replaceAll(/ +/g, ' ')).toContain(
      `next: npx headgate hold show ${id} or ${decisions}`,
    );

    const listed = await mine('quarantine', 'list', '--dataset', 'shop/orders');
    expect(listed.stdout).toBe('nothing is in quarantine\n');
    expect(listed.stderr).toBe(`a batch is held, not quarantined: npx headgate hold show ${id}\n`);

    const shown = await mine('hold', 'show', id);
    const lines = shown.stdout.replaceAll(/ +/g, ' ').split('\n');
    expect(lines).toEqual(
      expect.arrayContaining([
        'quality score 13.33: so many percent of the 30 records fail no check',
        'file row column reason rule',
        `${name} 5 amount value.missing`,
        `${name} 6 amount value.type`,
        `${name} 24 amount value.type`,
        'and 6 more refused rows',
      ]),
    );
    expect(lines.filter((line) => line.startsWith(`${name} `))).toHaveLength(1 + 20);
    expect(shown.stdout).not.toMatch(/secret|private/);
    expect(shown.stdout.replaceAll(/\s+/g, ' ')).toContain(`next: ${decisions.replaceAll(' or ', ' or: ')}`);

    const rejected = await mine('hold', 'reject', id, '--yes');
    expect(rejected.stderr).toContain(`npx headgate replay ${file?.file} --with MENDED_FILE`);
    const mended = join(folder, 'mended.csv');
    writeFileSync(
      mended,
      csv(30, (row) => `${row}.00`),
    );
    // Named by its key: the same object was refused as nobody's before.
    const replayed = await mine('replay', name, '--with', mended, '--yes', '--json');
    expect(json<FileRow[]>(replayed)).toMatchObject([{ status: 'published', published: 30 }]);
    const [again] = json<FileRow[]>(await run('--dataset', 'shop/orders', '--json'));
    expect(again).toMatchObject({
      status: 'superseded',
      why: expect.stringMatching(/^2026-01-31\..* took its place$/),
    });
    expect(again?.why).not.toContain(file?.file);

    const after = json<{ state: string; refused: number; rows: unknown[] }>(
      await mine('hold', 'show', id, '--json'),
    );
    expect(after).toMatchObject({ state: 'rejected', refused: 26 });
    expect(after.rows[0]).toEqual({
      file: name,
      row: 5,
      column: 'amount',
      code: 'value.missing',
      rule: null,
    });

    const data = join(home, 'lake/shop_quarantine/orders/data', id);
    const written = join(data, readdirSync(data)[0] ?? '');
    writeFileSync(written, 'no Parquet');
    const damaged = await mine('hold', 'show', id, '--json');
    expect(damaged.stderr).toContain("the refused rows can't be shown: ");
    expect(json(damaged)).toMatchObject({ score: expect.any(Number), refused: null, rows: [] });
    rmSync(written);
    expect((await mine('hold', 'show', id)).stdout).toContain('the 26 refused rows are no longer stored');
  }, 120_000);
});

describe('a replay of one file in a table of 1,000', () => {
  const home = join(folder, 'thousand');

  test('reads and writes files of its own partition only', async () => {
    const landing = join(home, 'landing/retail/sales');
    mkdirSync(landing, { recursive: true });
    for (let day = 0; day < 1000; day++) {
      const date = new Date(Date.UTC(2023, 0, 1 + day)).toISOString().slice(0, 10);
      const rows = Array.from(
        { length: 5 },
        (_, row) => `536365,A${row},x,1,${date} 10:00:00,1.50,17850.0,UK`,
      );
      writeFileSync(
        join(landing, `${date}.csv`),
        `InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n${rows.join('\n')}\n`,
      );
    }
    expect((await command(home, 'run')).code).toBe(0);
    const replay = await command(home, 'replay', '--yes', 'retail/sales/2024-02-10.csv');
    expect(replay.code).toBe(0);
    const [all] = json<{ bytes: string; files: string }[]>(
      await command(
        home,
        'query',
        '--json',
        "SELECT count(*) AS files FROM headgate.files WHERE state = 'published'",
      ),
    );
    expect(all?.files).toBe('1000');
    // One data file per month, of which the one that may hold the file is opened and written again.
    const looked = /looks into (\d+) of the table's data files \((\d+) bytes\)/.exec(replay.stderr);
    expect(looked?.[1]).toBe('1');
    const snapshots = json<{ rows: number; files: number }[]>(
      await command(home, 'snapshots', 'retail/sales', '--json'),
    );
    expect(snapshots.map(({ rows }) => rows)).toEqual([5000, 5000]);
    const { metadata } = await current(home);
    const summary = metadata.snapshots.at(-1)?.summary ?? {};
    expect(summary).toMatchObject({
      'added-data-files': '1',
      'deleted-data-files': '1',
      'deleted-records': String(29 * 5),
    });
    expect(Number(summary['added-files-size'])).toBeLessThan(2 * Number(looked?.[2]));
  }, 300_000);
});

async function current(home: string) {
  const folderOf = join(home, 'lake/retail/sales/metadata');
  const last =
    readdirSync(folderOf)
      .filter((name) => name.endsWith('.metadata.json'))
      .sort()
      .at(-1) ?? '';
  return {
    metadata: JSON.parse(readFileSync(join(folderOf, last), 'utf8')) as {
      snapshots: { summary: Record<string, string> }[];
    },
  };
}
