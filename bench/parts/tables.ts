// The table format and the ledger by themselves, with many files in them.
import { randomUUID } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { duckDbRewrite } from '../../lib/adapters/local/duckdb-rewrite.ts';
import { asExecution } from '../../lib/adapters/local/executions.ts';
import { folderStore } from '../../lib/adapters/local/folder-store.ts';
import { writeParquet } from '../../lib/adapters/local/parquet-output.ts';
import { sqliteCatalog } from '../../lib/adapters/local/sqlite-catalog.ts';
import { type FileEntry, partitions } from '../../lib/ledger/entries.ts';
import { summaryOf, summaryWrites } from '../../lib/ledger/summary.ts';
import { claim } from '../../lib/pipeline/claim.ts';
import { datasetOf, tablePorts } from '../../lib/pipeline/context.ts';
import { explainPending, makeTables } from '../../lib/pipeline/plan-run.ts';
import { hasWork } from '../../lib/pipeline/work.ts';
import { definitionOf, tableOf } from '../../lib/plan/tables.ts';
import { MAX_LEDGER_WRITES } from '../../lib/ports/ledger.ts';
import { commit } from '../../lib/table/commit.ts';
import { compact } from '../../lib/table/compact.ts';
import type { DataFile } from '../../lib/table/data-file.ts';
import { ensureTable } from '../../lib/table/evolve.ts';
import { lakeIn, load, TRANSACTIONS } from './headgate.ts';
import { duckDb, type Figures, timed, writeTransactions } from './transactions.ts';

/** Seconds to plan a merge into a table of so many files in 24 months, and to commit what replaces one of them. */
export async function tableOfMany(count: string, folder: string): Promise<Figures> {
  const lake = lakeIn(folder);
  const dataset = datasetOf(lake, TRANSACTIONS);
  await makeTables(lake, dataset);
  const ports = tablePorts(lake, 'curated');
  const name = tableOf(dataset, 'curated');
  const { schema } = definitionOf(dataset, 'curated', []);
  const file = (index: number): DataFile => {
    const bounds = { bytes: 80, values: 10, nulls: 0, lower: String(index), upper: String(index + 9) };
    const strings = schema.filter(({ type }) => type === 'string');
    return {
      path: `${ports.store.root}/${name.database}/${name.name}/data/${index}.parquet`,
      rows: 10,
      bytes: 1000,
      partition: [String(660 + (index % 24))],
      columns: Object.fromEntries(strings.map(({ id }) => [id, bounds])),
    };
  };
  const change = { kept: 0, onto: 'retry' } as const;
  const add = Array.from({ length: Number(count) }, (_, index) => file(index));
  await commit(ports, name, { ...change, runId: 'base', add, remove: [] });
  const landing = join(folder, 'landing');
  mkdirSync(landing);
  const some = { ids: 'SELECT i FROM range(1000) AS r(i)', months: 24, updated: '2026-01-01' };
  await writeTransactions(join(landing, 'next.csv'), folder, some);
  await load(lake, landing, TRANSACTIONS, async () => {});
  const plan = await timed(async () => {
    const { inputs, target } = await explainPending(lake, TRANSACTIONS);
    if (inputs.length !== 1 || target?.files.length !== Number(count))
      throw new Error('not the plan of a merge');
  });
  const replaced = { ...change, runId: 'next', add: [file(-1)], remove: [file(5).path] };
  return { plan, commit: await timed(() => commit(ports, name, replaced)) };
}

/** Milliseconds of what people and the sweeper ask of a ledger with many files, so many samples of each: `status 0`, `status 1`, ... */
export async function ledgerOfMany(count: string, samples: string, folder: string): Promise<Figures> {
  const lake = lakeIn(folder);
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
  const questions: Readonly<Record<string, () => Promise<unknown>>> = {
    status: async () => [await summaryOf(ledger, dataset), await newest(1)],
    'files --last 20': () => newest(20),
    // There is nothing to claim, so that each one finds what the one before found.
    claim: () => asExecution((execution) => claim(lake, { message: { dataset }, execution })),
    sweeper: () => hasWork(lake, dataset),
  };
  const figures: Record<string, number> = {};
  for (let sample = 0; sample < Number(samples); sample++)
    for (const [what, ask] of Object.entries(questions))
      figures[`${what} ${sample}`] = await milliseconds(ask);
  return figures;
}

/** Seconds of a compaction, and of a bare COPY of the same files into one. */
export async function compaction(count: string, folder: string): Promise<Figures> {
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
  const connection = await duckDb(folder);
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
