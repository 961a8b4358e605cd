import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from '@jest/globals';
import { type FileRow, headgate, json } from '../support/headgate.ts';
import { temporaryFolder } from '../support/temporary.ts';

const folder = temporaryFolder('contract-changes');

function write(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}

/** One feed whose contract changes between two runs. */
function feed(name: string, ingestion: string) {
  const home = join(folder, name);
  const contracts = join(home, 'contracts');
  const ask = (...args: readonly string[]) =>
    headgate(['--home', join(home, 'lake'), '--contracts', contracts, '--marts', contracts, ...args]);
  return {
    ask,
    contracts,
    contract: (version: string, properties: readonly string[]) =>
      write(
        join(contracts, 'items.odcs.yaml'),
        `kind: DataContract
apiVersion: v3.1.0
id: items
version: ${version}
status: active
domain: shop
schema:
  - name: items
    customProperties: [{ property: ingestion, value: ${ingestion} }]
    properties: [${properties.map((each) => `{ ${each} }`).join(', ')}]
`,
      ),
    land: (key: string, text: string) => write(join(home, 'lake/landing', key), text),
    run: async () => {
      const finished = await ask('run', '--json');
      return {
        files: json<FileRow[]>(finished).map(({ file, status, why }) => [file, status, why.split(': ')[0]]),
        said: finished.stderr,
      };
    },
    rows: async (sql: string) => json<unknown[]>(await ask('query', sql, '--json')),
  };
}

const ID = 'name: id, logicalType: integer, required: true';

test('a file that waited while its contract changed is held against the one of today', async () => {
  const { contract, land, run, rows } = feed(
    'waiting',
    "{ landing: 'items/{businessDate:yyyy-MM-dd}/*.csv', format: csv, fileSet: { count: 2 } }",
  );
  contract('1.0.0', [ID]);
  land('items/2026-01-01/a.csv', 'id\n1\n');
  land('items/2026-01-02/a.csv', 'id,email\n3,c@x\n');
  expect((await run()).files).toEqual([
    ['items/2026-01-01/a.csv', 'admitted', 'file.incomplete_set'],
    ['items/2026-01-02/a.csv', 'quarantined', 'file.header'],
  ]);
  const email =
    'name: email, logicalType: string, classification: restricted, customProperties: [{ property: pii, value: { kind: email, action: tokenize } }]';
  contract('2.0.0', [ID, email]);
  land('items/2026-01-01/b.csv', 'id,email\n2,b@x\n');
  const { files, said } = await run();
  expect(files.filter(([file]) => file?.startsWith('items/2026-01-01/'))).toEqual([
    ['items/2026-01-01/a.csv', 'quarantined', 'file.header'],
    ['items/2026-01-01/b.csv', 'quarantined', 'file.set_refused'],
  ]);
  expect(said).toContain('missing: email');
  land('items/2026-01-01/a.csv', 'id,email\n1,a@x\n');
  await run();
  expect(await rows('SELECT id FROM shop.items WHERE email IS NOT NULL ORDER BY id')).toEqual([
    { id: '1' },
    { id: '2' },
  ]);
});

test('a column that the table has as a number from an earlier contract does not vanish when a file brings it back', async () => {
  const { contract, land, run, rows } = feed(
    'typed',
    "{ landing: 'items/{businessDate:yyyy-MM-dd}/*.csv', format: csv, drift: { addedColumn: evolve } }",
  );
  contract('1.0.0', [ID, 'name: size, logicalType: integer']);
  land('items/2026-01-01/a.csv', 'id,size\n1,5\n');
  await run();
  contract('2.0.0', [ID]);
  land('items/2026-01-02/a.csv', 'id,size\n2,large\n');
  land('items/2026-01-02/b.csv', 'id\n3\n');
  const { files, said } = await run();
  expect(files.filter(([file]) => file?.includes('01-02'))).toEqual([
    ['items/2026-01-02/a.csv', 'quarantined', 'file.header'],
    ['items/2026-01-02/b.csv', 'published', ''],
  ]);
  expect(said).toContain('another type than text');
  expect(said).not.toContain('added to the table as text');
  expect(await rows('SELECT id, size FROM shop.items ORDER BY id')).toEqual([
    { id: '1', size: '5' },
    { id: '3', size: null },
  ]);
});

test('a wrong contract stops every load; what was loaded before can still be looked at', async () => {
  const { contract, contracts, land, run, ask } = feed(
    'wrong',
    "{ landing: 'items/*.csv', format: csv, maxRejectPercent: 50 }",
  );
  contract('1.0.0', [ID]);
  land('items/a.csv', 'id\n1\nx\n2\n');
  expect((await run()).files).toMatchObject([['items/a.csv', 'published', expect.anything()]]);
  write(join(contracts, 'others.odcs.yaml'), 'kind: DataContract\n');
  land('items/b.csv', 'id\n3\n');
  for (const args of [['run'], ['doctor'], ['replay', 'items/a.csv', '--yes']]) {
    const { code, stderr } = await ask(...args);
    expect([args, code, stderr.includes('others.odcs.yaml:1 apiVersion')]).toEqual([args, 1, true]);
  }
  const looks = [
    ['status', 'shop/items'],
    ['files', 'items/a.csv'],
    ['runs', 'published'],
    ['quarantine list', 'items/a.csv'],
    ['quarantine show items/a.csv', 'value.type'],
    ['explain shop/items', 'nothing is pending'],
  ] as const;
  for (const [args, shows] of looks) {
    const { stdout, stderr } = await ask(...args.split(' '));
    expect([args, stdout.includes(shows), stderr.includes('others.odcs.yaml:1 apiVersion')]).toEqual([
      args,
      true,
      true,
    ]);
  }
  const plain = (await ask('explain', 'shop/items')).stdout.split('\n');
  expect(plain).toEqual(
    expect.arrayContaining([
      '  0 id.type: value.type, quarantine',
      '  stage: typed rows with their checks',
      '  reasons: why each refused row was refused',
      '  curated to shop.items',
    ]),
  );
  expect(plain.filter((line) => line.length > 120 || line.includes('SELECT'))).toEqual([]);
  const whole = await ask('explain', 'shop/items', '--sql');
  expect(whole.stdout).toMatch(/ {2}curated to shop\.items\n {4}SELECT .*\n\nmeasures\n {2}parsed: SELECT /);
  const answer = await ask('query', 'SELECT id FROM shop.items ORDER BY 1', '--json');
  expect(json(answer)).toEqual([{ id: '1' }, { id: '2' }]);
});
