import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { DuckDBInstance } from '@duckdb/node-api';
import { folderStore } from '../../lib/adapters/local/folder-store.ts';
import { keyFiles } from '../../lib/adapters/local/key-file.ts';
import { type Lake, openLake } from '../../lib/adapters/local/lake.ts';
import { type SparkLauncher, sparkEngine } from '../../lib/adapters/local/spark-engine.ts';
import { runStateMachine } from '../../lib/adapters/local/state-machine.ts';
import { datasetId } from '../../lib/contract/dataset.ts';
import { fixedRoute, router } from '../../lib/intake/route.ts';
import type { FileEntry } from '../../lib/ledger/entries.ts';
import { fileOf } from '../../lib/ledger/files.ts';
import { draftReplay, requestReplay } from '../../lib/pipeline/replays.ts';
import { work } from '../../lib/pipeline/work.ts';
import { duckDb } from '../../lib/plan/dialects/duckdb.ts';
import type { Plan, RunResult } from '../../lib/plan/plan.ts';
import type { SparkJob } from '../../lib/plan/spark-job.ts';
import { liveFiles, loadTable } from '../../lib/table/table.ts';

/** What became of a batch: everything that must not depend on the engine. Run ids, file names and sizes do. */
export interface Outcome {
  /** How many plans were made. */
  readonly plans: number;
  readonly engines: readonly string[];
  readonly files: readonly unknown[];
  readonly runs: readonly { readonly withdraws: number }[];
  /** Rows of every table as texts, sorted; by `database.name`. */
  readonly tables: Readonly<Record<string, readonly string[]>>;
  readonly problems: readonly string[];
  /** What the engine threw, tries that were followed by another one included. */
  readonly failures: readonly Error[];
  /** Into how many pieces Spark cut each file that it cut. */
  readonly pieces: readonly number[];
}

export interface Batches {
  readonly home: string;
  readonly contracts: string;
  /** Folders that are taken in one after the other; the same ones for both engines, because an object's identity is part of its file id. */
  readonly landings: readonly string[];
  /** Keys of files that are loaded again afterwards: what they published is withdrawn. */
  readonly replays?: readonly string[];
  /** All files are of this dataset. */
  readonly dataset?: string;
  readonly engine: 'duckdb' | 'spark';
  readonly spark: SparkLauncher;
  /** Bytes from which Spark cuts a file. */
  readonly taskBytes?: number;
}

/** What differs, at most a few lines a place: a whole table as a difference would be neither read nor printed in time. */
export function differences(expected: Outcome, found: Outcome): readonly string[] {
  const lists: readonly (readonly [string, readonly unknown[], readonly unknown[]])[] = [
    ['problems', expected.problems, found.problems],
    // By kind: the messages name the engine.
    ['failures', expected.failures.map(({ name }) => name), found.failures.map(({ name }) => name)],
    ['files', expected.files, found.files],
    ['runs', expected.runs, found.runs],
    ...[...new Set([...Object.keys(expected.tables), ...Object.keys(found.tables)])].map(
      (name) =>
        [name, expected.tables[name] ?? ['no such table'], found.tables[name] ?? ['no such table']] as const,
    ),
  ];
  return lists.flatMap(([name, left, right]) => {
    const [first, second] = [left, right].map((items) =>
      items.map((item) => (typeof item === 'string' ? item : JSON.stringify(item))),
    );
    // As often as it stands there: one too many of the one and too few of another is a difference, too.
    const only = (a: readonly string[] = [], b: readonly string[] = []) => {
      const others = new Map<string, number>();
      for (const item of b) others.set(item, (others.get(item) ?? 0) + 1);
      return a
        .filter((item) => {
          const left = others.get(item) ?? 0;
          others.set(item, left - 1);
          return left <= 0;
        })
        .slice(0, 3);
    };
    const [ofDuckDb, ofSpark] = [only(first, second), only(second, first)];
    /** From a little before the first character that differs. */
    const shown = (item: string, other: string | undefined) => {
      let at = 0;
      while (other !== undefined && at < item.length && item[at] === other[at]) at++;
      return item.slice(Math.max(0, at - 300), at + 1000);
    };
    const sizes =
      left.length === right.length ? [] : [`${name}: ${left.length} by DuckDB, ${right.length} by Spark`];
    return [
      ...sizes,
      ...ofDuckDb.map((item, index) => `${name}, only DuckDB: ${shown(item, ofSpark[index])}`),
      ...ofSpark.map((item, index) => `${name}, only Spark: ${shown(item, ofDuckDb[index])}`),
    ];
  });
}

const NOW = new Date('2026-05-01T10:00:00Z');

/** Takes the folders in through the whole state machine, with the same key, clock and ids whatever the engine. */
export async function outcomeOf(batches: Batches): Promise<Outcome> {
  const { home, contracts, engine } = batches;
  mkdirSync(join(home, 'keys'), { recursive: true });
  writeFileSync(join(home, 'keys/pii.key'), '07'.repeat(32), { mode: 0o600 });
  const problems: string[] = [];
  let ids = 0;
  const lake: Lake = {
    ...openLake({
      home,
      contracts,
      notifier: { notify: async () => undefined },
      enginePolicy: { force: engine, sparkFromBytes: 0 },
      spark: batches.spark,
    }),
    clock: { now: () => NOW },
    newId: () => `${String(++ids).padStart(8, '0')}-0000-4000-8000-000000000000`,
  };
  const pieces: number[] = [];
  const sparkInPieces = sparkEngine({
    raw: lake.stores.raw,
    stores: lake.stores,
    secrets: keyFiles(join(home, 'keys'), lake.ledger),
    scratch: join(home, 'scratch'),
    launch: (options, bytes) => {
      pieces.push(...piecesOf(JSON.parse(readFileSync(options.job ?? '', 'utf8')) as SparkJob));
      return batches.spark(options, bytes);
    },
    ...(batches.taskBytes === undefined ? {} : { taskBytes: batches.taskBytes }),
  });
  const failures: Error[] = [];
  const services: Lake = {
    ...lake,
    engine: {
      execute: async (plan) => {
        try {
          return await (engine === 'spark' ? sparkInPieces : lake.engine).execute(plan);
        } catch (error) {
          failures.push(error as Error);
          throw error;
        }
      },
    },
  };
  const entries: FileEntry[] = [];
  for (const landing of batches.landings) {
    const chosen = lake.datasets.find((each) => datasetId(each) === batches.dataset);
    const place = {
      bucket: 'landing',
      own: false,
      route: chosen === undefined ? router(lake.datasets) : fixedRoute(chosen),
    };
    const ports = {
      landing: folderStore(landing),
      raw: lake.stores.raw,
      ledger: lake.ledger,
      notifier: lake.notifier,
    };
    const report = await work({ services, ports, start: (name) => runStateMachine(services, name) }, place);
    for (const { subject, error } of report.failed) problems.push(`${subject}: ${String(error)}`);
    for (const { file } of report.files) entries.push(file);
  }
  const now = async (file: FileEntry) => (await fileOf(lake.ledger, file.dataset, file.fileId)) ?? file;
  for (const key of batches.replays ?? []) {
    const again = await Promise.all(entries.filter((file) => file.key === key).map(now));
    const draft = await draftReplay(services, again);
    await requestReplay(services, draft, 'parity');
    await runStateMachine(services, draft.dataset).catch((error: unknown) => problems.push(String(error)));
  }
  const runs = await runsOf(lake);
  return {
    plans: await plansOf(lake),
    engines: [...new Set(runs.map(({ engine: used }) => used))],
    files: (await Promise.all(entries.map(now))).map(({ key, state, counts, checks, reasons }) => ({
      key,
      state,
      counts,
      checks: sorted(checks),
      reasons: withoutRunIds(reasons),
    })),
    runs: runs.map(
      ({ tallies, batch, losses, outputs, withdraws }) =>
        withoutRunIds({ tallies, batch, losses, outputs, withdraws }) as { readonly withdraws: number },
    ),
    tables: await tablesOf(lake),
    problems,
    failures,
    pieces,
  };
}

/** As `cut` in stage.py decides: a file stays whole where its lines are not its records. */
const piecesOf = ({ tasks }: SparkJob): readonly number[] =>
  tasks.flatMap(({ split, files: [only] }) => {
    if (split === undefined || only === undefined) return [];
    const lines = readFileSync(only.path).reduce((sum, byte) => sum + (byte === 10 ? 1 : 0), 0);
    return lines === split.lines ? [Math.ceil(split.bytes / split.pieceBytes)] : [];
  });

const sorted = (record: Readonly<Record<string, unknown>>) =>
  Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)));
const withoutRunIds = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value).replaceAll(/\d{8}T\d{9}Z-[0-9a-f]{6}/g, 'RUN'));

async function plansOf({ stores }: Lake): Promise<number> {
  let plans = 0;
  for await (const { key } of stores.results.list('runs/')) if (key.endsWith('/plan.json')) plans += 1;
  return plans;
}

async function runsOf({ stores }: Lake) {
  const runs = [];
  for await (const { key } of stores.results.list('runs/')) {
    if (!key.endsWith('/result.json')) continue;
    const result = (await json(stores.results.read(key))) as RunResult;
    const plan = (await json(stores.results.read(key.replace('result.json', 'plan.json')))) as Plan;
    runs.push({
      engine: result.engine,
      tallies: result.tallies.map((tally) => ({ ...tally, checks: sorted(tally.checks) })),
      batch: result.batch,
      losses: sorted(result.losses),
      outputs: result.outputs.map((output) => ({
        name: output.name,
        kept: output.kept,
        lost: output.lost,
        derived: output.derived,
        // How many files held them is a matter of their size; the tables' rows are compared.
        removes: output.removes.length > 0,
        partitions: partitionsOf(output.files),
      })),
      inputs: plan.inputs.length,
      withdraws: plan.withdraws.length,
    });
  }
  return runs;
}

type File = RunResult['outputs'][number]['files'][number];

/**
 * Rows, values, nulls and bounds of each partition. Of one with more rows than a row group has (a million rows on demand) the engines make
 * different files, and DuckDB states no bound of a file in which some row group is all null: there bounds are no part of it.
 */
function partitionsOf(files: readonly File[]): readonly string[] {
  const partitions = Map.groupBy(files, ({ partition }) => JSON.stringify(partition));
  return [...partitions]
    .map(([partition, parts]) => {
      const rows = parts.reduce((sum, part) => sum + part.rows, 0);
      if (rows <= ROW_GROUP)
        return JSON.stringify([partition, rows, ...parts.map(({ columns }) => stats(columns))]);
      const ids = Object.keys(parts[0]?.columns ?? {});
      const total = (id: string, of: 'values' | 'nulls') =>
        parts.reduce((sum, { columns }) => sum + (columns[id]?.[of] ?? 0), 0);
      return JSON.stringify([
        partition,
        rows,
        ids.map((id) => [id, total(id, 'values'), total(id, 'nulls')]),
      ]);
    })
    .sort();
}

const ROW_GROUP = 122_880;

const stats = (columns: File['columns']) =>
  Object.entries(columns)
    .map(([id, { bytes: _bytes, ...known }]) => ({ id, ...known }))
    .sort((a, b) => Number(a.id) - Number(b.id));

async function tablesOf({ catalog, stores }: Lake): Promise<Outcome['tables']> {
  const connection = await (await DuckDBInstance.create(':memory:')).connect();
  await connection.run("SET TimeZone = 'UTC'");
  const tables: Record<string, readonly string[]> = {};
  for (const name of await catalog.list()) {
    const store = name.database.endsWith('_vault') ? stores.vault : stores.lake;
    const table = await loadTable({ catalog, store }, name);
    const files = table === undefined ? [] : await liveFiles(store, table);
    // Files of before an evolution have narrower types.
    const from = `read_parquet([${files.map(({ path }) => duckDb.literal(path)).join(', ')}], union_by_name = true)`;
    const rows =
      files.length === 0
        ? []
        : (
            await connection.runAndReadAll(
              `SELECT to_json(r) AS r FROM (SELECT COLUMNS(c -> c NOT IN ('_run_id', '_withdrawn_run')) FROM ${from}) AS r ORDER BY 1`,
            )
          ).getRows();
    tables[`${name.database}.${name.name}`] = rows.map(([row]) => String(row));
  }
  connection.closeSync();
  return tables;
}
