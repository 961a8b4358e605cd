// Headgate itself, from files in a folder to published tables.
import { linkSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { duckDbProfiler } from '../../lib/adapters/local/duckdb-profiler.ts';
import { folderStore } from '../../lib/adapters/local/folder-store.ts';
import { type Lake, openLake } from '../../lib/adapters/local/lake.ts';
import { sparkSubmit } from '../../lib/adapters/local/spark-submit.ts';
import { runStateMachine } from '../../lib/adapters/local/state-machine.ts';
import { proposeContract } from '../../lib/contract/propose/propose.ts';
import { fixedRoute } from '../../lib/intake/route.ts';
import { summaryOf } from '../../lib/ledger/summary.ts';
import { makeMissingTables, work } from '../../lib/pipeline/work.ts';
import type { Dialect } from '../../lib/plan/dialect.ts';
import type { Notifier } from '../../lib/ports/notifier.ts';
import { ROOT } from '../measure.ts';
import { FEEDS, feedOf } from './feeds.ts';
import { contractOf, itemsContract, SHAPES } from './shapes.ts';
import { duckDb, type Figures, madeAt, timed, writeTransactions } from './transactions.ts';

export const TRANSACTIONS = FEEDS.transactions.dataset;

/** Failed runs go to the error stream; nothing else is said. */
export const quiet: Notifier = {
  async notify({ kind, facts }) {
    if (kind === 'run.failed') console.error(facts.reason);
  },
};

interface LakeSettings {
  readonly contracts?: string;
  readonly memory?: string;
  readonly engine?: Dialect['name'];
}

export const lakeIn = (folder: string, { contracts, memory, engine }: LakeSettings = {}): Lake =>
  openLake({
    home: join(folder, 'lake'),
    contracts: contracts ?? join(ROOT, 'contracts'),
    notifier: quiet,
    ...(memory === undefined ? {} : { memory }),
    enginePolicy: {
      sparkFromBytes: Number.POSITIVE_INFINITY,
      ...(engine === undefined ? {} : { force: engine }),
    },
    spark: sparkSubmit({
      environment: join(ROOT, '.venv/spark'),
      scripts: join(ROOT, 'glue-scripts'),
      scratch: join(folder, 'lake/scratch'),
      log: () => {},
    }),
  });

/**
 * Seconds from landing to published: copy to raw, hash, count, parse, check, dedupe, tokenise, split, commit, account. The empty tables of all feeds
 * stand before: they are made once in the life of a lake. @throws when anything is not published
 */
export async function load(
  lake: Lake,
  landing: string,
  dataset: string,
  start = (name: string) => runStateMachine(lake, name),
): Promise<number> {
  const chosen = lake.datasets.find(({ domain, name }) => `${domain}/${name}` === dataset);
  if (chosen === undefined) throw new Error(`no dataset ${dataset}`);
  const ports = { landing: folderStore(landing), raw: lake.stores.raw, ledger: lake.ledger, notifier: quiet };
  const place = { bucket: landing, own: false, route: fixedRoute(chosen) };
  await makeMissingTables(lake);
  return timed(async () => {
    const report = await work({ services: lake, ports, start }, place);
    if (report.failed.length > 0) throw report.failed[0]?.error;
  });
}

/** A folder with one file in it, which stays where it is. */
function landingOf(file: string, folder: string): string {
  const landing = join(folder, 'landing');
  mkdirSync(landing, { recursive: true });
  linkSync(file, join(landing, basename(file)));
  return landing;
}

export async function full(file: string, ...rest: string[]): Promise<Figures> {
  const folder = rest.at(-1) ?? '';
  const [engine, memory] = rest.slice(0, -1);
  const { dataset } = feedOf(file);
  const lake = lakeIn(folder, {
    ...(dataset === TRANSACTIONS ? {} : { contracts: join(ROOT, 'bench/contracts') }),
    ...(engine === 'spark' || engine === 'duckdb' ? { engine } : {}),
    ...(memory === undefined ? {} : { memory }),
  });
  return { seconds: await load(lake, landingOf(file, folder), dataset) };
}

/** From the paths of samples to the text of a contract that takes every row of them. */
export async function init(file: string, folder: string): Promise<number> {
  const store = folderStore('/');
  const profiler = duckDbProfiler({ raw: store, scratch: join(folder, 'init') });
  return timed(() => proposeContract([resolve(file).slice(1)], { store, profiler }, {}));
}

/** Many files of 20 rows. */
export async function files(count: string, folder: string): Promise<number> {
  const landing = join(folder, 'landing');
  for (let file = 0; file < Number(count); file++) {
    const day = new Date(Date.UTC(2025, 0, 1 + (file % 28))).toISOString().slice(0, 10);
    const path = join(landing, day, `${file}.csv`);
    mkdirSync(dirname(path), { recursive: true });
    const rows = Array.from(
      { length: 20 },
      (_, row) => `${540000 + (file % 400)},A${file}-${row},x,1,${day} 10:00:00,1.50,17850.0,UK`,
    );
    writeFileSync(
      path,
      `InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n${rows.join('\n')}\n`,
    );
  }
  return load(lakeIn(folder), landing, 'retail/sales');
}

/** A table of transactions over some months, then three days that each change 1 percent of its rows: anywhere, or in the newest month only. */
export async function merge(rows: string, months: string, folder: string): Promise<Figures> {
  const lake = lakeIn(folder);
  const day = async (name: string, ids: string, updated: string): Promise<number> => {
    const landing = join(folder, name);
    mkdirSync(landing);
    await writeTransactions(join(landing, `${name}.csv`), folder, { ids, months: Number(months), updated });
    return load(lake, landing, TRANSACTIONS);
  };
  const all = `SELECT i FROM range(${rows}) AS r(i)`;
  const share = Math.round(Number(rows) / 100);
  const newest = `SELECT i FROM range(${rows}) AS r(i) ORDER BY ${madeAt(Number(months))} DESC LIMIT ${share}`;
  return {
    first: await day('first', all, '2026-01-01'),
    anywhere: await day('anywhere', `${all} WHERE i % 100 = 3`, '2026-02-01'),
    newest: await day('newest', newest, '2026-03-01'),
  };
}

/** An input of another shape: seconds of the full path, and of a bare COPY of the same file. */
export async function shape(name: string, megabytes: string, folder: string): Promise<Figures> {
  const what = SHAPES[name];
  if (what === undefined) throw new Error(`no shape ${name}`);
  const contracts = join(folder, 'contracts');
  mkdirSync(contracts);
  writeFileSync(join(contracts, `${name}.odcs.yaml`), contractOf(name, what));
  const landing = join(folder, 'landing');
  mkdirSync(landing);
  const file = join(landing, `rows.${what.format}`);
  const rows = Math.round((Number(megabytes) * 1e6) / what.bytesARow);
  const connection = await duckDb(folder);
  const format = what.format === 'csv' ? 'FORMAT csv, HEADER' : 'FORMAT json';
  await connection.run(
    `COPY (WITH r AS (SELECT i FROM range(${rows}) AS r(i)) ${what.rows}) TO '${file}' (${format})`,
  );
  const bare = await timed(() =>
    connection.run(
      `COPY (${what.read(file)}) TO '${join(folder, 'bare.parquet')}' (FORMAT parquet, COMPRESSION zstd)`,
    ),
  );
  const lake = lakeIn(folder, { contracts });
  const seconds = await load(lake, landing, `bench/${name}`);
  const { rowsPublished } = await summaryOf(lake.ledger, `bench/${name}`);
  if (rowsPublished !== rows) throw new Error(`${rowsPublished} of ${rows} rows were published`);
  return { bare, own: seconds };
}

/** One percent of the keys change: a plain merge and a type-2 merge of the same file into a table of so many rows, seconds and processor seconds. */
export async function history(rows: string, first: string, folder: string): Promise<Figures> {
  const figures: Record<string, number> = {};
  const modes = ['merge', 'scd2'] as const;
  for (const writeMode of first === 'merge' ? modes : modes.toReversed()) {
    const home = join(folder, writeMode);
    const contracts = join(home, 'contracts');
    mkdirSync(contracts, { recursive: true });
    writeFileSync(join(contracts, 'items.odcs.yaml'), itemsContract(writeMode));
    const lake = lakeIn(home, { contracts });
    const day = async (date: string, keys: string): Promise<number> => {
      const landing = join(home, date);
      mkdirSync(landing);
      const connection = await duckDb(folder);
      await connection.run(
        `COPY (SELECT i AS id, 'name ' || hash(i) AS name, (hash(i) % 100000 / 100)::DECIMAL(18,2) AS amount, 'note ' || hash(i + 1) || '${date}' AS note, TIMESTAMP '${date}' AS changed_at FROM ${keys}) TO '${join(landing, 'rows.csv')}' (FORMAT csv, HEADER)`,
      );
      connection.closeSync();
      return load(lake, landing, 'bench/items');
    };
    await day('2026-01-01', `range(${rows}) AS r(i)`);
    const before = process.cpuUsage();
    figures[writeMode] = await day(
      '2026-01-02',
      `(SELECT i * 100 + hash(i) % 100 AS i FROM range(${Number(rows) / 100}) AS r(i))`,
    );
    const { user, system } = process.cpuUsage(before);
    figures[`${writeMode} processor`] = (user + system) / 1e6;
    rmSync(home, { recursive: true, force: true });
  }
  return figures;
}
