import { createReadStream, createWriteStream, globSync, rmSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { TransientError, UnclearError } from '../../errors.ts';
import { inParallel } from '../../in-parallel.ts';
import {
  type OutputResult,
  type Plan,
  type PlanTarget,
  type RunResult,
  readsTarget,
  SIDE_OUTPUTS,
} from '../../plan/plan.ts';
import type { Engine } from '../../ports/engine.ts';
import type { ObjectStore } from '../../ports/object-store.ts';
import type { Secrets } from '../../ports/secrets.ts';
import type { DataFile } from '../../table/data-file.ts';
import { keyOf } from '../../table/table.ts';
import { duckDbEngine } from './duckdb-engine.ts';
import type { SessionOptions } from './duckdb-session.ts';
import { folderStore } from './folder-store.ts';

export interface StagedEngineOptions extends Omit<SessionOptions, 'scratch'> {
  readonly raw: ObjectStore;
  readonly stores: { readonly lake: ObjectStore; readonly vault: ObjectStore };
  readonly secrets: Secrets;
  /** Folder with room for a run's inputs, the files of the table that it reads, and its outputs. */
  readonly scratch: string;
}

/** Objects that are moved at the same time. */
export const COPIES_AT_ONCE = 8;

/**
 * DuckDB beside stores that it can't read: what the plan names is brought into the scratch folder, executed there, and its outputs are taken to
 * the stores. Addresses in the result are the stores' own. Files of an attempt that died stay under the run's prefix; no commit names them.
 */
export const stagedEngine = (options: StagedEngineOptions): Engine => ({
  async execute(plan) {
    const home = join(options.scratch, `staged-${plan.runId}`);
    await rm(home, { recursive: true, force: true });
    try {
      const { seconds: download, value: staged } = await timed(() => bring(plan, options, home));
      const result = await executeIn(home, staged.plan, options);
      const { seconds: upload, value: outputs } = await timed(() =>
        take(result.outputs, plan, options, home),
      );
      const original = (path: string) => staged.addresses.get(path) ?? path;
      return {
        ...result,
        seconds: { download, ...result.seconds, upload },
        outputs: outputs.map((output) => ({ ...output, removes: output.removes.map(original) })),
      };
    } catch (error) {
      throw lackOfRoom(error) ?? error;
    } finally {
      await rm(home, { recursive: true, force: true });
    }
  },
});

/**
 * Removes what runs have left that were killed. For a program that works on one run at a time: Lambda keeps /tmp when it ends a function that has used up
 * its time or memory, and begins another process beside the files.
 */
export function clearLeft(scratch: string): void {
  for (const left of globSync('staged-*', { cwd: scratch }))
    rmSync(join(scratch, left), { recursive: true, force: true });
}

const placeOf = (home: string, store: 'lake' | 'vault'): string => join(home, store);

function executeIn(home: string, plan: Plan, options: StagedEngineOptions): Promise<RunResult> {
  const { raw, memory, threads, secrets } = options;
  return duckDbEngine({
    // Files that are rewritten stream from the store; those that DuckDB parses itself lie in the folder.
    raw: { ...raw, root: join(home, 'raw') },
    stores: { lake: folderStore(placeOf(home, 'lake')), vault: folderStore(placeOf(home, 'vault')) },
    secrets,
    scratch: join(home, 'scratch'),
    ...(memory === undefined ? {} : { memory }),
    ...(threads === undefined ? {} : { threads }),
  }).execute(plan);
}

interface Staged {
  readonly plan: Plan;
  /** Address in the store by local path, of the table's files. */
  readonly addresses: ReadonlyMap<string, string>;
}

async function bring(plan: Plan, { raw, stores }: StagedEngineOptions, home: string): Promise<Staged> {
  const inputs = plan.inputs
    .filter(({ rewrite }) => !rewrite)
    .map(({ key, etag }) => ({ store: raw, key, etag, path: join(home, 'raw', key) }));
  const copies = (table: PlanTarget | undefined, folder: string) =>
    (table?.files ?? []).map(({ path }, index) =>
      localCopy(stores.lake, path, join(home, folder, `${index}.parquet`)),
    );
  const target = copies(plan.target, 'target');
  const sides = SIDE_OUTPUTS.flatMap((name) => {
    const table = plan.sides[name];
    return table === undefined ? [] : [{ name, table, files: copies(table, `side-${name}`) }];
  });
  const ofSides = sides.flatMap(({ files }) => files);
  const vault = plan.vaultFiles.map((path, index) =>
    localCopy(stores.vault, path, join(home, 'known', `${index}.parquet`)),
  );
  const tables = [...(readsTarget(plan) ? target : []), ...ofSides];
  await inParallel(COPIES_AT_ONCE, [...inputs, ...tables, ...vault], download);
  return {
    plan: {
      ...plan,
      vaultFiles: vault.map(({ path }) => path),
      ...(plan.target === undefined ? {} : { target: localTable(plan.target, target) }),
      sides: Object.fromEntries(sides.map(({ name, table, files }) => [name, localTable(table, files)])),
    },
    addresses: new Map([...target, ...ofSides].map(({ path, address }) => [path, address])),
  };
}

const localTable = (table: PlanTarget, copies: readonly { readonly path: string }[]): PlanTarget => ({
  ...table,
  files: table.files.map((file, index) => ({ ...file, path: copies[index]?.path ?? file.path })),
});

const localCopy = (store: ObjectStore, address: string, path: string) => ({
  store,
  key: keyOf(store, address),
  address,
  path,
});

interface Download {
  readonly store: ObjectStore;
  readonly key: string;
  readonly etag?: string;
  readonly path: string;
}

async function download({ store, key, etag, path }: Download): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const body = store.read(key, etag === undefined ? {} : { etag });
  await pipeline(Readable.from(body), createWriteStream(path, { mode: 0o600 }));
}

async function take(
  outputs: readonly OutputResult[],
  plan: Plan,
  { stores }: StagedEngineOptions,
  home: string,
): Promise<readonly OutputResult[]> {
  const taken: OutputResult[] = [];
  for (const output of outputs) {
    const name = plan.outputs.find((planned) => planned.name === output.name)?.store ?? 'lake';
    const folder = placeOf(home, name);
    const files = await inParallel(COPIES_AT_ONCE, output.files, (file) =>
      upload(stores[name], folder, file),
    );
    taken.push({ ...output, files });
  }
  return taken;
}

export async function upload(store: ObjectStore, folder: string, file: DataFile): Promise<DataFile> {
  const key = file.path.slice(folder.length + 1);
  await store.write(key, createReadStream(file.path), { kind: 'absent' });
  await rm(file.path);
  return { ...file, path: `${store.root}/${key}` };
}

async function timed<T>(work: () => Promise<T>): Promise<{ readonly seconds: number; readonly value: T }> {
  const start = performance.now();
  const value = await work();
  return { value, seconds: Math.round(performance.now() - start) / 1000 };
}

/** A function has as much the next time, and nobody else uses it: half the batch may fit. */
export function lackOfRoom(error: unknown): UnclearError | undefined {
  const lacking =
    error instanceof TransientError
      ? error.facts.lacking
      : (error as NodeJS.ErrnoException).code === 'ENOSPC'
        ? 'disk'
        : undefined;
  if (lacking === undefined) return undefined;
  const what = lacking === 'disk' ? 'temporary storage' : 'memory';
  return new UnclearError(
    `the ${what} is too small for this batch; give the function more, or let the contract say engine: spark`,
    { fault: 'headgate', cause: error },
  );
}
