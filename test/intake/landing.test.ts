import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  closeSync,
  cpSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import { folderStore } from '../../lib/adapters/local/folder-store.ts';
import { type Lake, openLake } from '../../lib/adapters/local/lake.ts';
import { runStateMachine } from '../../lib/adapters/local/state-machine.ts';
import { TerminalError } from '../../lib/errors.ts';
import { router } from '../../lib/intake/route.ts';
import type { FileEntry } from '../../lib/ledger/entries.ts';
import { differenceOf, Sum, type Summary, summaryOf } from '../../lib/ledger/summary.ts';
import { tablePorts } from '../../lib/pipeline/context.ts';
import { withLock } from '../../lib/pipeline/maintain.ts';
import { draftReplay, draftSuccessor, requestReplay } from '../../lib/pipeline/replays.ts';
import { rollBack } from '../../lib/pipeline/rollback.ts';
import type { Services } from '../../lib/pipeline/services.ts';
import { type WorkReport, work } from '../../lib/pipeline/work.ts';
import type { ObjectStore } from '../../lib/ports/object-store.ts';
import { allFiles } from '../../lib/reports/ledger-tables.ts';
import { liveFiles, loadTable } from '../../lib/table/table.ts';
import { type FileRow, headgate, json, ROOT } from '../support/headgate.ts';
import { temporaryFolder } from '../support/temporary.ts';

const folder = temporaryFolder('landing');
const CASES = join(ROOT, 'test/cases');
const KEY = 'shop/2026-01-31/a.csv';
const HEADER = 'id,name,amount\n';
const LONG_AGO = new Date('2026-01-01T00:00:00Z');

const put = (path: string, text: string): void => {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
};

/** In a program: eleven minutes pass while its timer of so many waits for two seconds. */
const TIME_FLIES = `const { setTimeout: wait } = globalThis; const { now } = Date; let passed = 0;
  Date.now = () => now() + passed;
  globalThis.setTimeout = (act, ms, ...more) => ms === 660_000 ? wait(() => { passed += ms; act(); }, 2_000) : wait(act, ms, ...more);`;

async function until(isSo: () => boolean): Promise<void> {
  for (let looks = 0; !isSo(); looks++) {
    if (looks === 1_000) throw new Error('it has not come to be');
    await wait(20);
  }
}

interface Home {
  readonly home: string;
  readonly lake: Lake;
  readonly landing: string;
}

function homeOf(name: string, contracts = join(CASES, 'good-file')): Home {
  const home = join(folder, name);
  mkdirSync(join(home, 'landing'), { recursive: true });
  const lake = openLake({ home, contracts, notifier: { notify: async () => undefined } });
  return { home, lake, landing: join(home, 'landing') };
}

interface Overrides {
  readonly services?: Services;
  readonly landing?: ObjectStore;
  /** Another folder than the lake's own. */
  readonly foreign?: string;
}

function go(lake: Lake, { services = lake, landing, foreign }: Overrides = {}): Promise<WorkReport> {
  const { ledger, notifier, stores } = services;
  const own = foreign === undefined ? lake.landing : folderStore(foreign, { shared: true });
  return work(
    {
      services,
      ports: { landing: landing ?? own, raw: stores.raw, ledger, notifier },
      start: (dataset) => runStateMachine(services, dataset),
    },
    { bucket: foreign ?? 'landing', own: foreign === undefined, route: router(lake.datasets) },
  );
}

async function filesOf(lake: Lake) {
  const files = [];
  for await (const { key, state, counts } of allFiles(lake.ledger))
    files.push([key, state, counts.received, counts.published]);
  return files.sort();
}

const ask = async ({ home }: Pick<Home, 'home'>, contracts: string, sql: string) =>
  json<Record<string, string | null>[]>(
    await headgate(['--home', home, '--contracts', contracts, '--marts', contracts, 'query', sql, '--json']),
  );

/** A store of which some methods are others. */
const store = (of: ObjectStore, change: Partial<ObjectStore>): ObjectStore => ({ ...of, ...change });

describe('an object under another name', () => {
  test('a renamed landing folder repeats contents, and what was published stays published', async () => {
    const { lake, home } = homeOf('renamed');
    put(join(home, 'in', KEY), `${HEADER}1,a,1.00\n2,b,2.00\n`);
    await go(lake, { foreign: join(home, 'in') });
    renameSync(join(home, 'in'), join(home, 'in-2'));
    await go(lake, { foreign: join(home, 'in-2') });
    expect(await filesOf(lake)).toEqual([
      [KEY, 'duplicate', 2, 0],
      [KEY, 'published', 2, 2],
    ]);
  });

  test('the lake’s own landing folder is refused as --landing, by any path, and a held file stays held', async () => {
    const contracts = join(CASES, 'too-many-refused-is-held');
    const { lake, home, landing } = homeOf('own', contracts);
    put(join(landing, KEY), `${HEADER}1,a,1.00\nx,b,2.00\n`);
    await go(lake);
    symlinkSync(landing, join(home, 'elsewhere'));
    for (const path of [landing, join(landing, 'shop'), home, join(home, 'elsewhere')]) {
      const refused = await headgate(['--home', home, '--contracts', contracts, 'run', '--landing', path]);
      expect({ path, code: refused.code }).toEqual({ path, code: 1 });
      expect(refused.stderr).toContain('the lake’s own landing folder');
    }
    expect(await filesOf(lake)).toEqual([[KEY, 'held', 2, 0]]);
    const [run] = await ask({ home }, contracts, "SELECT run_id FROM headgate.runs WHERE state = 'held'");
    for (const says of ['are published all the same', 'is released already']) {
      const place = ['--home', home, '--contracts', contracts, '--marts', contracts];
      const release = await headgate([...place, 'hold', 'release', run?.run_id ?? '', '--yes']);
      expect({ code: release.code, row: /published +2 +1 +1 +0/.test(release.stdout) }).toEqual({
        code: 3,
        row: true,
      });
      expect(release.stderr).toContain(says);
    }
    await go(lake);
    expect(await filesOf(lake)).toEqual([[KEY, 'published', 2, 1]]);
    expect(existsSync(join(landing, KEY))).toBe(false);
  });

  test('a landing folder that is not there is an error, not an empty success', async () => {
    const refused = await headgate([
      '--home',
      join(folder, 'none'),
      'run',
      '--landing',
      join(folder, 'nowhere'),
    ]);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('there is no such folder');
  });
});

describe('an object that changes', () => {
  test('while it is read, it is left for the next run, whole', async () => {
    const { lake, landing } = homeOf('overwritten');
    const rows = (name: string) =>
      Array.from({ length: 200_000 }, (_, id) => `${String(id).padStart(7, '0')},${name},1.00\n`).join('');
    put(join(landing, KEY), HEADER + rows('old'));
    let reads = 0;
    const overwriting = store(lake.landing, {
      async *read(key, options) {
        for await (const chunk of lake.landing.read(key, options)) {
          yield chunk;
          if (reads++ > 0) continue;
          const file = openSync(join(landing, KEY), 'r+');
          writeSync(file, HEADER + rows('new'));
          closeSync(file);
        }
      },
    });
    const report = await go(lake, { landing: overwriting });
    expect([report.files, report.left, report.failed]).toEqual([[], [KEY], []]);
    expect(reads).toBeGreaterThan(1);
    expect(await Array.fromAsync(lake.stores.raw.list(''))).toEqual([]);
    await go(lake);
    expect(await filesOf(lake)).toEqual([[KEY, 'published', 200_000, 200_000]]);
    expect(
      await ask({ home: lake.home }, join(CASES, 'good-file'), 'SELECT DISTINCT name FROM shop.items'),
    ).toEqual([{ name: 'new' }]);
  });

  test('line by line, as over a slow line, it waits until its writer has ended, and each row is there once', async () => {
    const { home, lake, landing } = homeOf('slow');
    put(join(landing, KEY), HEADER);
    let rows = 0;
    const writer = setInterval(() => appendFileSync(join(landing, KEY), `${rows++},a,1.00\n`), 300);
    const run = () => headgate(['--home', home, '--contracts', join(CASES, 'good-file'), 'run', '--json']);
    const early = await run().finally(() => clearInterval(writer));
    expect(json(early)).toEqual([]);
    expect(early.stderr).toContain(`left for the next run: ${KEY}: it is being written`);
    expect(json(await run())).toMatchObject([{ file: KEY, published: rows }]);
    expect(await filesOf(lake)).toEqual([[KEY, 'published', rows, rows]]);
  });

  test('while its copy is verified, it stays in landing and is the next file', async () => {
    const { lake, landing } = homeOf('replaced');
    put(join(landing, KEY), `${HEADER}1,a,1.00\n`);
    let replaced = false;
    const raw = store(lake.stores.raw, {
      async *read(key, options) {
        yield* lake.stores.raw.read(key, options);
        if (replaced) return;
        replaced = true;
        put(join(landing, 'new'), `${HEADER}1,corrected,9.00\n`);
        renameSync(join(landing, 'new'), join(landing, KEY));
      },
    });
    const report = await go(lake, { services: { ...lake, stores: { ...lake.stores, raw } } });
    expect(replaced).toBe(true);
    expect(report.failed).toEqual([]);
    expect(readFileSync(join(landing, KEY), 'utf8')).toContain('corrected');
    await go(lake);
    expect(await filesOf(lake)).toEqual([
      [KEY, 'published', 1, 1],
      [KEY, 'published', 1, 1],
    ]);
    expect(existsSync(join(landing, KEY))).toBe(false);
  });

  test('to other bytes of the same size and modification time, it is another file', async () => {
    const { lake, home } = homeOf('same-time');
    const path = join(home, 'in', KEY);
    for (const amount of ['1.00', '9.00']) {
      put(path, `${HEADER}1,a,${amount}\n`);
      utimesSync(path, LONG_AGO, LONG_AGO);
      const { files } = await go(lake, { foreign: join(home, 'in') });
      expect(files).toMatchObject([{ isNew: true }]);
    }
    expect(
      await ask({ home }, join(CASES, 'good-file'), 'SELECT amount FROM shop.items ORDER BY amount'),
    ).toEqual([{ amount: '1.00' }, { amount: '9.00' }]);
  });
});

test('a version of a file wins over those before it, whatever its time of modification says', async () => {
  const contracts = join(CASES, 'same-bytes-on-another-day');
  const { lake, home, landing } = homeOf('older-times', contracts);
  const path = join(landing, KEY);
  // In the ledger it stands before the versions of the key that it begins with.
  const neighbour = new Date('2026-01-01T00:00:00Z');
  put(`${path}#!`, HEADER);
  utimesSync(`${path}#!`, neighbour, neighbour);
  // The clock was ahead; a copy keeps its older time; so does one more; then all is as it should be again.
  for (const [amount, time] of [
    ['1.00', '2026-03-01T00:00:00Z'],
    ['2.00', '2026-01-01T00:00:00Z'],
    ['3.00', '2026-01-01T00:00:00Z'],
    ['4.00', '2026-02-01T00:00:00Z'],
    ['5.00', '2026-04-01T00:00:00Z'],
  ] as const) {
    put(path, `${HEADER}1,a,${amount}\n`);
    utimesSync(path, new Date(time), new Date(time));
    await go(lake);
    expect(await ask({ home }, contracts, 'SELECT amount FROM shop.items')).toEqual([{ amount }]);
    expect((await go(lake)).files.filter(({ isNew }) => isNew)).toEqual([]);
  }
  const received: string[] = [];
  for await (const { key, receivedAt } of allFiles(lake.ledger)) if (key === KEY) received.push(receivedAt);
  expect(received.toSorted()).toEqual([
    '2026-03-01T00:00:00.000Z',
    '2026-03-01T00:00:00.001Z',
    '2026-03-01T00:00:00.002Z',
    '2026-03-01T00:00:00.003Z',
    '2026-04-01T00:00:00.000Z',
  ]);
});

describe('an odd object', () => {
  test('that its source takes back between list and read stops nothing', async () => {
    const { lake, landing } = homeOf('vanished');
    for (const name of ['a', 'b', 'c'])
      put(join(landing, `shop/2026-01-31/${name}.csv`), `${HEADER}1,${name},1.00\n`);
    const vanishing = store(lake.landing, {
      async *list(prefix) {
        yield* lake.landing.list(prefix);
        rmSync(join(landing, 'shop/2026-01-31/b.csv'));
      },
    });
    const report = await go(lake, { landing: vanishing });
    expect([report.left, report.failed]).toEqual([['shop/2026-01-31/b.csv'], []]);
    expect((await filesOf(lake)).map(([, state]) => state)).toEqual(['published', 'published']);
  });

  test('that can’t be read is reported, and the others are published', async () => {
    const { lake, landing } = homeOf('unreadable');
    for (const name of ['a', 'b', 'c'])
      put(join(landing, `shop/2026-01-31/${name}.csv`), `${HEADER}1,${name},1.00\n`);
    const error = new TerminalError('the disk has a bad block', { fault: 'headgate' });
    const broken = store(lake.landing, {
      async *read(key, options) {
        if (key.endsWith('b.csv')) throw error;
        yield* lake.landing.read(key, options);
      },
    });
    const report = await go(lake, { landing: broken });
    expect(report.failed).toEqual([{ subject: 'shop/2026-01-31/b.csv', error }]);
    expect((await filesOf(lake)).map(([, state]) => state)).toEqual(['published', 'published']);
  });

  test('that two contracts claim is quarantined, and taken in when the contracts are distinct', async () => {
    const contracts = join(folder, 'two-contracts');
    const text = readFileSync(join(CASES, 'good-file/contract.odcs.yaml'), 'utf8');
    const other = (pattern: string) =>
      put(
        join(contracts, 'two.odcs.yaml'),
        text
          .replace('id: case', 'id: two')
          .replace('name: items', 'name: others')
          .replace('}/*', `}/${pattern}`),
      );
    put(join(contracts, 'one.odcs.yaml'), text);
    other('*.txt');
    const { lake, home } = homeOf('ambiguous', contracts);
    put(join(home, 'in', KEY), `${HEADER}1,a,1.00\n`);
    put(join(home, 'in/shop/2026-01-31/z.txt'), `${HEADER}1,z,1.00\n`);
    const run = () =>
      headgate(['--home', home, '--contracts', contracts, 'run', '--json', '--landing', join(home, 'in')]);
    const first = await run();
    expect(first.code).toBe(3);
    expect(json<FileRow[]>(first)).toMatchObject([
      { file: KEY, status: 'published' },
      {
        file: 'shop/2026-01-31/z.txt',
        status: 'quarantined',
        why: expect.stringContaining('file.ambiguous_feed'),
      },
    ]);
    expect(json<FileRow[]>(first)[1]?.why).toContain('shop/items and shop/others');
    other('*.text');
    expect(json<FileRow[]>(await run())[1]).toMatchObject({ status: 'published', published: 1 });
    expect(lake.datasets).toHaveLength(2);
  });

  test('whose name is that of an upload under way is not a file yet, and is told of', async () => {
    const { home, landing } = homeOf('under-way');
    const names = ['shop/.staging/2026-01-31/b.csv', 'shop/2026-01-31/.a.csv.Xy12Ab', `${KEY}.filepart`];
    for (const name of names) put(join(landing, name), `${HEADER}1,a,1.00\n2,b`);
    const anHourAgo = new Date(Date.now() - 60 * 60_000);
    utimesSync(join(landing, names[1] ?? ''), anHourAgo, anHourAgo);
    const run = () => headgate(['--home', home, '--contracts', join(CASES, 'good-file'), 'run', '--json']);
    const waiting = await run();
    expect([waiting.code, json(waiting)]).toEqual([0, []]);
    expect(waiting.stderr).toMatch(/uploads under way: 3, the oldest for 6\d min: \S+\/\.a\.csv\.Xy12Ab$/m);
    renameSync(join(landing, `${KEY}.filepart`), join(landing, KEY));
    const renamed = await run();
    expect(json(renamed)).toMatchObject([{ file: KEY }]);
    expect(renamed.stderr).toContain('uploads under way: 2,');
    // Whole seconds: utimes takes the others through a floating point number, which may lose a millisecond.
    const tomorrow = new Date(Math.ceil(Date.now() / 1000) * 1000 + 24 * 60 * 60_000);
    for (const name of names.slice(0, 2)) utimesSync(join(landing, name), tomorrow, tomorrow);
    expect((await run()).stderr).toContain('uploads under way: 2, the oldest for 0 min: ');
    put(join(landing, KEY), `${HEADER}3,c,1.00\n`);
    utimesSync(join(landing, KEY), tomorrow, tomorrow);
    expect((await run()).stderr).toContain(
      `ahead of this machine’s clock: 1, such as ${KEY} (${tomorrow.toISOString()})`,
    );
  });

  test('that is a link, or has a name that is not UTF-8, is named and stays', async () => {
    const { home, landing } = homeOf('strangers');
    put(join(landing, KEY), `${HEADER}1,a,1.00\n`);
    symlinkSync('a.csv', join(landing, 'shop/2026-01-31/link.csv'));
    const latin = Buffer.concat([Buffer.from(`${landing}/caf`), Buffer.from([0xe9]), Buffer.from('.csv')]);
    writeFileSync(latin, HEADER);
    const contracts = join(CASES, 'good-file');
    const run = await headgate(['--home', home, '--contracts', contracts, 'run', '--json']);
    expect(json<FileRow[]>(run)).toMatchObject([{ file: KEY, status: 'published' }]);
    expect(run.code).toBe(3);
    expect(run.stderr).toContain('not taken in: shop/2026-01-31/link.csv: it is a link');
    expect(run.stderr).toContain('not taken in: caf\uFFFD.csv: its name is not UTF-8; rename it');
    expect(existsSync(latin)).toBe(true);
  });
});

test('refused rows of a file that waited since a run that failed are told by exit code 3, once', async () => {
  const { home, lake } = homeOf('waited');
  const foreign = join(home, 'in');
  const rows = Array.from({ length: 40 }, (_, row) => `${row},a,${row === 7 ? 'x' : '1.00'}\n`);
  put(join(foreign, KEY), HEADER + rows.join(''));
  const engine = { execute: () => Promise.reject(new Error('no engine')) };
  const { failed } = await go(lake, { services: { ...lake, engine }, foreign });
  expect(failed).toHaveLength(1);
  const contracts = join(CASES, 'good-file');
  const run = () =>
    headgate(['--home', home, '--contracts', contracts, 'run', '--json', '--landing', foreign]);
  const second = await run();
  expect(json<FileRow[]>(second)).toMatchObject([{ status: 'published', published: 39, quarantined: 1 }]);
  expect([second.code, (await run()).code]).toEqual([3, 0]);
});

test('a damaged copy in raw keeps its own landed file, is reported, and no other file waits for it', async () => {
  const { lake, landing } = homeOf('damaged-copy');
  for (const name of ['a', 'b', 'c'])
    put(join(landing, `shop/2026-01-31/${name}.csv`), `${HEADER}1,${name},1.00\n`);
  const damaged = store(lake.stores.raw, {
    async *read(key, options) {
      for await (const chunk of lake.stores.raw.read(key, options))
        yield Buffer.from(chunk).toString().includes(',b,') ? Buffer.from('damaged') : chunk;
    },
  });
  const services = { ...lake, stores: { ...lake.stores, raw: damaged } };
  const report = await go(lake, { services });
  expect(report.files).toHaveLength(3);
  expect(report.failed).toMatchObject([
    { subject: 'shop/2026-01-31/b.csv', error: expect.any(TerminalError) },
  ]);
  expect(readdirSync(join(landing, 'shop/2026-01-31'))).toEqual(['b.csv']);
  expect((await go(lake)).failed).toEqual([]);
  expect(readdirSync(join(landing, 'shop/2026-01-31'))).toEqual([]);
});

test('a run over another folder leaves what waits in the lake’s own landing to a run over that', async () => {
  const { lake, home, landing } = homeOf('two-places');
  put(join(landing, KEY), `${HEADER}1,a,1.00\n`);
  const deaf = store(lake.landing, {
    stat: () => Promise.reject(new TerminalError('gone', { fault: 'headgate' })),
  });
  expect((await go(lake, { landing: deaf })).failed).toMatchObject([{ subject: KEY }]);
  put(join(home, 'in/shop/2026-01-30/b.csv'), `${HEADER}2,b,1.00\n`);
  await go(lake, { foreign: join(home, 'in') });
  expect(statSync(join(landing, KEY)).size).toBeGreaterThan(0);
  await go(lake);
  expect(existsSync(join(landing, KEY))).toBe(false);
});

test('a file that was refused is judged again when its contract has changed, and so is its twin', async () => {
  const contracts = join(folder, 'mended-contract');
  const text = readFileSync(join(CASES, 'good-file/contract.odcs.yaml'), 'utf8');
  put(join(contracts, 'c.odcs.yaml'), text);
  const home = join(folder, 'mended');
  put(join(home, 'in', KEY), 'id,label,amount\n1,a,1.00\n');
  put(join(home, 'in/shop/2026-01-31/b.csv'), 'id,label,amount\n1,a,1.00\n');
  const run = async () => {
    const finished = await headgate([
      ...['--home', home, '--contracts', contracts, 'run', '--json', '--landing', join(home, 'in')],
    ]);
    return { code: finished.code, states: json<FileRow[]>(finished).map(({ status }) => status) };
  };
  expect(await run()).toEqual({ code: 3, states: ['quarantined', 'duplicate'] });
  expect(await run()).toEqual({ code: 0, states: ['quarantined', 'duplicate'] });
  const sourceNames = 'customProperties: [{ property: sourceNames, value: [label] }]';
  put(
    join(contracts, 'c.odcs.yaml'),
    text.replace('- name: name\n', `- name: name\n        ${sourceNames}\n`),
  );
  expect(await run()).toEqual({ code: 0, states: ['published', 'duplicate'] });
  rmSync(join(home, 'in', KEY));
  expect(await run()).toEqual({ code: 0, states: ['duplicate'] });
});

describe('a damaged file of the lake’s own', () => {
  test('stops the run; the files that came in wait and are published when it is mended', async () => {
    const contracts = join(CASES, 'duplicate-keys-merge');
    const { lake, landing } = homeOf('damaged-table', contracts);
    const row = readFileSync(join(contracts, 'landing', KEY), 'utf8');
    put(join(landing, KEY), row);
    await go(lake);
    const table = await loadTable(
      { catalog: lake.catalog, store: lake.stores.lake },
      { database: 'shop', name: 'items' },
    );
    if (table === undefined) throw new Error('no table');
    const [live] = await liveFiles(lake.stores.lake, table);
    const path = live?.path ?? '';
    const whole = readFileSync(path);
    truncateSync(path, whole.length - 20);
    for (const day of ['02', '03', '04'])
      put(join(landing, `shop/2026-02-${day}/b.csv`), `${row}9${day},b,1.00\n`);
    const report = await go(lake);
    expect(report.failed).toMatchObject([{ subject: 'shop/items' }]);
    const states = (await filesOf(lake)).map(([, state]) => state);
    expect(states.sort()).toEqual(['admitted', 'admitted', 'admitted', 'published']);
    writeFileSync(path, whole);
    expect((await go(lake)).failed).toEqual([]);
    expect((await filesOf(lake)).map(([, state]) => state)).toEqual(Array(4).fill('published'));
  });
});

test('a run that fails before it begins is named on the error stream with its cause', async () => {
  const { home, lake } = homeOf('claim-fails');
  const [partition, body] = ['pending#shop/items', { dataset: 'shop/items', fileId: 'lost' }];
  await lake.ledger.transact([
    { kind: 'put', partition: 'dataset', sort: 'shop/items', body: { dataset: 'shop/items' } },
    { kind: 'put', partition, sort: 'lost', body },
  ]);
  const run = await headgate(['--home', home, '--contracts', join(CASES, 'good-file'), 'run']);
  expect(run.code).toBe(1);
  expect(run.stderr).toMatch(/^failed: shop\/items: .*the ledger has no file lost of shop\/items/m);
});

test('what is written to a file after it was removed from landing comes back as another version of it', async () => {
  const { lake, landing } = homeOf('slow-writer');
  put(join(landing, KEY), HEADER);
  const file = openSync(join(landing, KEY), 'a');
  writeSync(file, '1,a,1.00\n');
  await go(lake);
  expect(existsSync(join(landing, KEY))).toBe(false);
  writeSync(file, '2,b,2.00\n');
  closeSync(file);
  await go(lake);
  expect(await filesOf(lake)).toEqual([
    [KEY, 'published', 1, 1],
    [KEY, 'published', 2, 2],
  ]);
  await go(lake);
  expect(await filesOf(lake)).toHaveLength(2);
});

describe('known bytes that are in no table', () => {
  test('are taken in again after a rollback, once; the file that was taken back can’t be loaded beside them', async () => {
    const { lake, landing } = homeOf('sent-again');
    put(join(landing, KEY), `${HEADER}1,a,1.00\n`);
    await go(lake);
    await withLock(lake, 'shop/items', 'me', (lock) =>
      rollBack(lake, lock, { dataset: 'shop/items', to: null, by: 'me' }),
    );
    expect(await filesOf(lake)).toEqual([[KEY, 'withdrawn', 1, 0]]);
    const [old] = await entriesOf(lake);

    put(join(landing, KEY), `${HEADER}1,a,1.00\n`);
    put(join(landing, 'shop/2026-01-31/b.csv'), `${HEADER}1,a,1.00\n`);
    const reports = await Promise.all([go(lake), go(lake)]);
    expect(reports.flatMap(({ failed }) => failed)).toEqual([]);
    const states = (await filesOf(lake)).map(([, state, , published]) => [state, published]);
    expect(states.sort()).toEqual([
      ['duplicate', 0],
      ['published', 1],
      ['superseded', 0],
    ]);
    expect(differenceOf(await summaryOf(lake.ledger, 'shop/items'), await counted(lake))).toEqual({});
    const [now] = await entriesOf(lake);
    await expect(draftReplay(lake, [now ?? old] as FileEntry[])).rejects.toThrow('was superseded by');
  });

  test('are refused where a corrected file took their place, and a release puts them back in its place', async () => {
    const { lake, landing } = homeOf('corrected');
    put(join(landing, KEY), `${HEADER}1,a,1.00\n`);
    await go(lake);
    const replay = async (text: string) => {
      const file = (await entriesOf(lake)).find(({ state }) => state === 'published') as FileEntry;
      const body = (async function* () {
        yield Buffer.from(text);
      })();
      await requestReplay(lake, await draftSuccessor(lake, file, body), 'me');
      await go(lake);
    };
    const states = async () => (await entriesOf(lake)).map(({ state }) => state).sort();
    await replay(`${HEADER}1,wrong,1.00\n`);
    put(join(landing, KEY), `${HEADER}1,a,1.00\n`);
    await go(lake);
    expect(await states()).toEqual(['published', 'quarantined', 'superseded']);
    const refused = (await entriesOf(lake)).find(({ state }) => state === 'quarantined') as FileEntry;
    expect(refused.reasons.map(({ code }) => code)).toEqual(['file.corrected']);
    const standing = (await entriesOf(lake)).find(({ state }) => state === 'published') as FileEntry;
    await expect(draftReplay(lake, [standing, refused])).rejects.toThrow('name one of them');
    await requestReplay(lake, await draftReplay(lake, [refused]), 'me');
    await go(lake);
    expect(await states()).toEqual(['published', 'superseded', 'superseded']);
    expect((await entriesOf(lake)).find(({ state }) => state === 'published')?.fileId).toBe(refused.fileId);
    // And there and back by hand.
    await replay(`${HEADER}1,wrong,1.00\n`);
    await replay(`${HEADER}1,a,1.00\n`);
    expect(await states()).toEqual(['published', ...Array(4).fill('superseded')]);
    const table = await loadTable(tablePorts(lake, 'curated'), { database: 'shop', name: 'items' });
    expect(table?.metadata.snapshots?.at(-1)?.summary['total-records']).toBe('1');
  });
});

async function entriesOf({ ledger }: Lake): Promise<readonly FileEntry[]> {
  const files: FileEntry[] = [];
  for await (const file of allFiles(ledger)) files.push(file);
  return files;
}

async function counted(lake: Lake): Promise<Summary> {
  const sum = new Sum();
  for (const file of await entriesOf(lake)) sum.add(file);
  return sum.total();
}

test('headgate up takes in what lands, by the contracts of then, and lets go by itself of what it has set aside', async () => {
  const { home, landing } = homeOf('watched');
  const contracts = join(folder, 'watched-contracts');
  cpSync(join(CASES, 'good-file'), contracts, { recursive: true });
  const place = ['--home', home, '--contracts', contracts];
  const watching = spawn(process.execPath, [join(ROOT, 'bin/headgate.mjs'), ...place, 'up'], {
    env: { ...process.env, NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(TIME_FLIES)}` },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  try {
    await once(watching.stderr, 'data');
    put(join(landing, KEY), `${HEADER}1,a,1.50\n`);
    const aside = () => readdirSync(join(landing, '.unfinished/removed'));
    await until(() => !existsSync(join(landing, KEY)));
    expect(aside()).toHaveLength(1);
    await until(() => aside().length === 0);
    rmSync(landing, { recursive: true });
    mkdirSync(landing);
    const again = KEY.replace('shop/', 'other/');
    const contract = join(contracts, 'contract.odcs.yaml');
    const text = readFileSync(contract, 'utf8').replace('landing: shop/', 'landing: other/');
    writeFileSync(contract, text.replace('version: 1.0.0', 'version: 1.1.0'));
    put(join(landing, again), `${HEADER}2,a,1.50\n`);
    await until(() => !existsSync(join(landing, again)));
  } finally {
    // As a terminal does: to the process, and to the one that it has started, which hears of it twice, and not at once.
    watching.kill('SIGINT');
    await wait(20);
    watching.kill('SIGINT');
    await once(watching, 'exit');
  }
  expect(watching.exitCode).toBe(0);
  expect(json<FileRow[]>(await headgate([...place, 'files', '--json']))).toMatchObject([
    { key: KEY, state: 'published' },
    { key: KEY.replace('shop/', 'other/'), state: 'published' },
  ]);
}, 60_000);
