// One part of the benchmark; prints its seconds and its peak memory as JSON.
import { randomUUID } from 'node:crypto';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { duckDbProfiler } from '../lib/adapters/local/duckdb-profiler.ts';
import { duckDbRewrite } from '../lib/adapters/local/duckdb-rewrite.ts';
import { asExecution } from '../lib/adapters/local/executions.ts';
import { folderStore } from '../lib/adapters/local/folder-store.ts';
import { openLake } from '../lib/adapters/local/lake.ts';
import { writeParquet } from '../lib/adapters/local/parquet-output.ts';
import { sqliteCatalog } from '../lib/adapters/local/sqlite-catalog.ts';
import { runStateMachine } from '../lib/adapters/local/state-machine.ts';
import { proposeContract } from '../lib/contract/propose/propose.ts';
import { fixedRoute, router } from '../lib/intake/route.ts';
import { type FileEntry, partitions } from '../lib/ledger/entries.ts';
import { summaryOf, summaryWrites } from '../lib/ledger/summary.ts';
import { claim } from '../lib/pipeline/claim.ts';
import { hasWork, work } from '../lib/pipeline/work.ts';
import { MAX_LEDGER_WRITES } from '../lib/ports/ledger.ts';
import type { Notifier } from '../lib/ports/notifier.ts';
import { commit } from '../lib/table/commit.ts';
import { compact } from '../lib/table/compact.ts';
import type { DataFile } from '../lib/table/data-file.ts';
import { ensureTable } from '../lib/table/evolve.ts';

const ROOT = join(import.meta.dirname, '..');
const [part = '', ...args] = process.argv.slice(2);
const folder = join(ROOT, '.bench', randomUUID());
async function timed(action: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await action();
  return (performance.now() - start) / 1000;
}

const duckDb = async () =>
  (await DuckDBInstance.create(':memory:', { temp_directory: join(folder, 'spill') })).connect();

const BYTES_A_ROW = 100.7;

/** Transactions with repeated keys (1 in 500), wrong amounts (1 in 300) and wrong dates (1 in 400), over twelve months. */
async function generate(file: string, megabytes: string): Promise<number> {
  const rows = Math.round((Number(megabytes) * 1e6) / BYTES_A_ROW);
  const connection = await duckDb();
  return timed(() =>
    connection.run(`COPY (SELECT 'T' || lpad(CASE WHEN i % 500 = 499 THEN i - 1 ELSE i END::VARCHAR, 10, '0') AS transaction_id,
      CASE WHEN i % 10 = 9 THEN 'T' || lpad((i - 7)::VARCHAR, 10, '0') END AS parent_id,
      CASE WHEN i % 10 <> 9 THEN 'purchase' WHEN i % 20 = 9 THEN 'refund' ELSE 'void' END AS type,
      'A' || lpad((hash(i) % 200000)::VARCHAR, 7, '0') AS account_id,
      CASE WHEN i % 300 = 7 THEN '1e3' ELSE ((hash(i + 1) % 1000000) / 100)::DECIMAL(18,2)::VARCHAR END AS amount, 'EUR' AS currency,
      CASE WHEN i % 400 = 5 THEN '2011-02-30 00:00:00' ELSE strftime(TIMESTAMP '2025-01-01' + to_seconds((i * 31 % 31536000)::BIGINT), '%Y-%m-%d %H:%M:%S') END AS transacted_at,
      (4000000000000000 + hash(i % 300000) % 1000000000000000)::VARCHAR AS card_number,
      strftime(TIMESTAMP '2026-01-01' + to_seconds((i % 86400)::BIGINT), '%Y-%m-%d %H:%M:%S') AS updated_at
      FROM range(${rows}) AS r(i)) TO '${file}' (FORMAT csv, HEADER)`),
  );
}

const COLUMNS = [
  'transaction_id',
  'parent_id',
  'type',
  'account_id',
  'amount',
  'currency',
  'transacted_at',
  'card_number',
  'updated_at',
];

/** The floor: the same parser, casts and partitions with no check, no dedupe, no protection, no accounting. */
async function bare(file: string): Promise<number> {
  const connection = await duckDb();
  const columns = COLUMNS.map((name) => `'${name}': 'VARCHAR'`).join(', ');
  return timed(() =>
    connection.run(`COPY (SELECT transaction_id, parent_id, type, account_id, TRY_CAST(amount AS DECIMAL(18,2)) AS amount, currency, TRY_CAST(transacted_at AS TIMESTAMP) AS transacted_at,
      card_number, TRY_CAST(updated_at AS TIMESTAMP) AS updated_at, date_diff('month', DATE '1970-01-01', TRY_CAST(transacted_at AS TIMESTAMP)::DATE) AS month
      FROM read_csv('${file}', auto_detect = false, header = true, delim = ',', quote = '"', escape = '"', columns = {${columns}}))
      TO '${join(folder, 'bare')}' (FORMAT parquet, COMPRESSION zstd, PARTITION_BY (month))`),
  );
}

const quiet: Notifier = {
  async notify({ kind, facts }) {
    if (kind === 'run.failed') console.error(facts.reason);
  },
};

async function load(landing: string, dataset: string, memory?: string): Promise<number> {
  const lake = openLake({
    home: join(folder, 'lake'),
    contracts: join(ROOT, 'contracts'),
    notifier: quiet,
    ...(memory === undefined ? {} : { memory }),
  });
  const chosen = lake.datasets.find(({ domain, name }) => `${domain}/${name}` === dataset);
  if (chosen === undefined) throw new Error(`no dataset ${dataset}`);
  const ports = { landing: folderStore(landing), raw: lake.stores.raw, ledger: lake.ledger, notifier: quiet };
  const place = { bucket: landing, own: false, route: fixedRoute(chosen) };
  return timed(async () => {
    const report = await work({ services: lake, ports, start: (name) => runStateMachine(lake, name) }, place);
    if (report.failed.length > 0) throw report.failed[0]?.error;
  });
}

/** Landing to published: copy to raw, hash, count, parse, check, dedupe, tokenise, split, commit, account. */
async function full(file: string, memory?: string): Promise<number> {
  const landing = join(folder, 'landing');
  mkdirSync(landing);
  const { linkSync } = await import('node:fs');
  linkSync(file, join(landing, basename(file)));
  return load(landing, 'payments/transactions', memory);
}

/** From the paths of samples to the text of a contract that takes every row of them. */
async function init(file: string): Promise<number> {
  const store = folderStore('/');
  const profiler = duckDbProfiler({ raw: store, scratch: join(folder, 'init') });
  return timed(() => proposeContract([resolve(file).slice(1)], { store, profiler }, {}));
}

async function files(count: string): Promise<number> {
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
  return load(landing, 'retail/sales');
}

async function commitLarge(count: string): Promise<number> {
  const store = folderStore(join(folder, 'lake'));
  const ports = {
    store,
    catalog: sqliteCatalog(join(folder, 'catalog.db')),
    clock: { now: () => new Date() },
    newId: randomUUID,
  };
  const name = { database: 'db', name: 'large' };
  await ensureTable(ports, name, {
    schema: [{ id: 1, name: 'n', required: false, type: 'long' }],
    partitionBy: [],
  });
  const file = (index: number): DataFile => ({
    path: `${store.root}/db/large/data/${index}.parquet`,
    rows: 10,
    bytes: 1000,
    partition: [],
    columns: { 1: { bytes: 80, values: 10, nulls: 0, lower: String(index), upper: String(index + 9) } },
  });
  const change = { remove: [], kept: 0, onto: 'retry' } as const;
  await commit(ports, name, {
    ...change,
    runId: 'base',
    add: Array.from({ length: Number(count) }, (_, index) => file(index)),
  });
  const replaced = {
    runId: 'next',
    add: [file(-1)],
    remove: [file(5).path],
    kept: 0,
    onto: 'retry',
  } as const;
  return timed(() => commit(ports, name, replaced));
}

/** Milliseconds of what people and the sweeper ask of a ledger with many files. */
async function ledgerOfMany(count: string): Promise<Figures> {
  const lake = openLake({ home: join(folder, 'lake'), contracts: join(ROOT, 'contracts'), notifier: quiet });
  const { ledger } = lake;
  const dataset = 'retail/sales';
  const total = Number(count);
  const entry = (index: number): FileEntry => {
    const day = new Date(Date.UTC(2000, 0, 1 + (index % 9000))).toISOString().slice(0, 10);
    const counts = { received: 20, published: 20, quarantined: 0, deduplicated: 0 };
    const fileId = `${day}.20261121T042359123Z.${index.toString(16).padStart(12, '0')}`;
    const raw = {
      rawKey: `retail/sales/${index}`,
      rawEtag: 'e',
      fields: ['a', 'b'],
      profile: { records: 20 },
    };
    return {
      fileId,
      dataset,
      bucket: 'landing',
      key: `${day}/${index}.csv`,
      etag: 'e',
      sha256: fileId,
      bytes: 1000,
      receivedAt: '2026-11-21T04:23:59.123Z',
      state: 'published',
      reasons: [],
      counts,
      checks: {},
      judgedBy: 'x',
      ...raw,
    };
  };
  await ledger.transact([{ kind: 'put', partition: partitions.datasets, sort: dataset, body: { dataset } }]);
  const size = MAX_LEDGER_WRITES - 1;
  for (let from = 0; from < total; from += size * 50) {
    const portions = Array.from({ length: 50 }, (_, index) => from + index * size).filter(
      (start) => start < total,
    );
    await Promise.all(
      portions.map((start) => {
        const files = Array.from({ length: Math.min(size, total - start) }, (_, index) =>
          entry(start + index),
        );
        return ledger.transact([
          ...files.map(
            (file) =>
              ({ kind: 'put', partition: partitions.files(dataset), sort: file.fileId, body: file }) as const,
          ),
          ...summaryWrites(
            dataset,
            files.map((after) => ({ after })),
          ),
        ]);
      }),
    );
  }
  const milliseconds = async (action: () => Promise<unknown>) => (await timed(action)) * 1000;
  const newest = (limit: number) =>
    ledger.query({ partition: partitions.files(dataset), descending: true, limit });
  return {
    status: await milliseconds(async () => [await summaryOf(ledger, dataset), await newest(1)]),
    'files --last 20': await milliseconds(() => newest(20)),
    claim: await milliseconds(() =>
      asExecution((execution) => claim(lake, { message: { dataset }, execution })),
    ),
    sweeper: await milliseconds(() => hasWork(lake, dataset)),
  };
}

/** Seconds of a compaction, and of a bare COPY of the same files into one. */
async function compaction(count: string): Promise<Figures> {
  const store = folderStore(join(folder, 'lake'));
  const ports = {
    store,
    catalog: sqliteCatalog(join(folder, 'catalog.db')),
    clock: { now: () => new Date() },
    newId: randomUUID,
  };
  const name = { database: 'db', name: 'many' };
  const schema = [
    { id: 1, name: 'n', required: false, type: 'long' },
    { id: 2, name: 'text', required: false, type: 'string' },
    { id: 3, name: 'amount', required: false, type: 'decimal(18, 2)' },
  ] as const;
  await ensureTable(ports, name, { schema, partitionBy: [] });
  const connection = await duckDb();
  const add: DataFile[] = [];
  for (let file = 0; file < Number(count); file++) {
    const query = `SELECT i AS n, 'row ' || hash(i) AS text, (hash(i) % 100000 / 100)::DECIMAL(18,2) AS amount FROM range(${file * 10_000}, ${(file + 1) * 10_000}) AS r(i)`;
    const directory = join(store.root, `db/many/data/${file}`);
    add.push(
      ...(await writeParquet(connection, { query, schema, partitionBy: [], directory, classified: [] })),
    );
  }
  await commit(ports, name, { runId: 'base', add, remove: [], kept: 0, onto: 'retry' });
  const paths = add.map(({ path }) => `'${path}'`).join(', ');
  const bareRewrite = () =>
    timed(() =>
      connection.run(
        `COPY (FROM read_parquet([${paths}])) TO '${join(folder, 'bare.parquet')}' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)`,
      ),
    );
  await bareRewrite();
  const bareSeconds = await bareRewrite();
  const rewrite = duckDbRewrite({ store, classified: [], scratch: join(folder, 'compact') });
  return {
    bare: bareSeconds,
    compact: await timed(() => compact(ports, name, { runId: 'compact-1', rewrite })),
  };
}

/**
 * Seconds of a plain merge and of a type-2 merge of the same file: 1 percent of the keys, each with a change, into a table of so many
 * rows.
 */
async function merges(rows: string): Promise<Figures> {
  const total = Number(rows);
  const changed = total / 100;
  const figures: Record<string, number> = {};
  for (const writeMode of ['merge', 'scd2']) {
    const home = join(folder, writeMode);
    const contracts = join(home, 'contracts');
    mkdirSync(contracts, { recursive: true });
    writeFileSync(join(contracts, 'items.odcs.yaml'), MERGED_CONTRACT.replace('WRITE_MODE', writeMode));
    const connection = await duckDb();
    const write = (day: string, from: string) => {
      mkdirSync(join(home, day, 'shop', day), { recursive: true });
      return connection.run(
        `COPY (SELECT i AS id, 'name ' || hash(i) AS name, (hash(i) % 100000 / 100)::DECIMAL(18,2) AS amount, 'city ' || hash(i) % 500 AS city, 'note ' || hash(i + 1) || '${day}' AS note, TIMESTAMP '${day}' AS changed_at FROM ${from}) TO '${join(home, day, 'shop', day, 'a.csv')}' (FORMAT csv, HEADER)`,
      );
    };
    await write('2026-01-01', `range(${total}) AS r(i)`);
    await write('2026-01-02', `(SELECT i * 100 + hash(i) % 100 AS i FROM range(${changed}) AS r(i))`);
    connection.closeSync();
    const lake = openLake({ home: join(home, 'lake'), contracts, notifier: quiet });
    const [dataset] = lake.datasets;
    if (dataset === undefined) throw new Error('no dataset');
    const take = (day: string) =>
      timed(async () => {
        const landing = folderStore(join(home, day));
        const ports = { landing, raw: lake.stores.raw, ledger: lake.ledger, notifier: quiet };
        const place = { bucket: day, own: false, route: router(lake.datasets) };
        const start = (name: string) => runStateMachine(lake, name);
        const report = await work({ services: lake, ports, start }, place);
        if (report.failed.length > 0) throw report.failed[0]?.error;
      });
    figures[`${writeMode} first load`] = await take('2026-01-01');
    figures[writeMode] = await take('2026-01-02');
    rmSync(home, { recursive: true, force: true });
  }
  return figures;
}

const MERGED_CONTRACT = `
kind: DataContract
apiVersion: v3.1.0
id: bench
version: 1.0.0
status: active
domain: shop
schema:
  - name: items
    customProperties:
      - property: ingestion
        value: { landing: 'shop/{businessDate:yyyy-MM-dd}/*.csv', format: csv, writeMode: WRITE_MODE, dedupe: { keys: [id], orderBy: changed_at } }
    properties:
      - { name: id, logicalType: integer, required: true, primaryKey: true, primaryKeyPosition: 1 }
      - { name: name, logicalType: string }
      - { name: amount, logicalType: number, physicalType: 'decimal(18,2)' }
      - { name: city, logicalType: string }
      - { name: note, logicalType: string }
      - { name: changed_at, logicalType: timestamp, required: true }
`;

type Figures = Readonly<Record<string, number>>;

const PARTS: Readonly<Record<string, (...args: string[]) => Promise<number | Figures>>> = {
  ledger: ledgerOfMany,
  compact: compaction,
  merges,
  generate,
  bare,
  full,
  files,
  init,
  commit: commitLarge,
};
mkdirSync(folder, { recursive: true });
try {
  const measured = (await PARTS[part]?.(...args)) ?? Number.NaN;
  const [seconds, figures] = typeof measured === 'number' ? [measured, {}] : [0, measured];
  console.log(JSON.stringify({ seconds, figures, peakMegabytes: process.resourceUsage().maxRSS / 1024 }));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
