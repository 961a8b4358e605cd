import { randomUUID } from 'node:crypto';
import { mkdirSync, readdirSync, realpathSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { TerminalError } from '../../errors.ts';
import { DEFAULT_LIMITS, type Services } from '../../pipeline/services.ts';
import { DUCKDB_UNLESS_ASKED, type EnginePolicy } from '../../plan/engine-choice.ts';
import type { Plan } from '../../plan/plan.ts';
import type { Engine } from '../../ports/engine.ts';
import type { Notifier } from '../../ports/notifier.ts';
import type { ObjectStore } from '../../ports/object-store.ts';
import { type LeaveOut, readContracts } from './contracts.ts';
import { duckDbEngine } from './duckdb-engine.ts';
import { hasEnded, localExecutions, thisProcess } from './executions.ts';
import { folderStore } from './folder-store.ts';
import { keyFiles } from './key-file.ts';
import { type SparkLauncher, sparkEngine } from './spark-engine.ts';
import { sqliteCatalog } from './sqlite-catalog.ts';
import { sqliteLedger } from './sqlite-ledger.ts';

export interface LakeOptions {
  /** Folder of the lake; made where it is missing. */
  readonly home: string;
  /** Folder of contracts. */
  readonly contracts: string;
  /** @default a wrong contract is an error */
  readonly leaveOut?: LeaveOut | undefined;
  readonly notifier: Notifier;
  /** Memory for DuckDB, such as `1GB`. */
  readonly memory?: string;
  readonly enginePolicy?: EnginePolicy;
  /** Starts Spark for plans that name it. @default such plans are refused */
  readonly spark?: SparkLauncher;
  /** Of the landing folder (FolderOptions). @default 0 */
  readonly settleMs?: number;
}

export interface Lake extends Services {
  readonly home: string;
  readonly landing: ObjectStore;
}

/** Everything on this machine: folders for buckets, SQLite for ledger and catalogue, DuckDB for the engine. */
export function openLake(options: LakeOptions): Lake {
  const { home, contracts, leaveOut, notifier, memory, enginePolicy, spark, settleMs = 0 } = options;
  const place = placeOf(home);
  const at = (name: string) => join(place, name);
  const stores = {
    raw: folderStore(at('raw')),
    lake: folderStore(at('lake')),
    vault: folderStore(at('vault')),
    results: folderStore(at('results')),
  };
  const ledger = sqliteLedger(at('ledger.db'));
  // What holds values in clear is the owner's alone, like the key: DuckDB makes its files readable by all.
  for (const name of ['raw', 'vault', SCRATCH]) mkdirSync(at(name), { recursive: true, mode: 0o700 });
  removeLeftovers(at(SCRATCH));
  const engine = {
    raw: stores.raw,
    stores,
    secrets: keyFiles(at('keys'), ledger),
    scratch: scratchOf(place),
  };
  return {
    home: place,
    landing: folderStore(at('landing'), { shared: true, settleMs }),
    stores,
    ledger,
    catalog: sqliteCatalog(at('catalog.db')),
    engine: byPlan({
      duckdb: duckDbEngine({ ...engine, ...(memory === undefined ? {} : { memory }) }),
      spark: sparkEngine({ ...engine, launch: spark ?? noSpark }),
    }),
    enginePolicy: enginePolicy ?? DUCKDB_UNLESS_ASKED,
    datasets: readContracts(contracts, leaveOut),
    notifier,
    clock: { now: () => new Date() },
    executions: localExecutions,
    newId: randomUUID,
    limits: DEFAULT_LIMITS,
  };
}

const SCRATCH = 'scratch';

/** This process's folder for what its runs, queries and compactions write on their way. */
export const scratchOf = (home: string): string =>
  join(resolve(home), SCRATCH, thisProcess().replaceAll('|', '+'));

/**
 * What processes that died have left holds values in clear, and nobody may ever run their datasets again: the next look at the lake takes it away,
 * and what names no process with it.
 */
function removeLeftovers(scratch: string): void {
  for (const name of readdirSync(scratch))
    if (!name.includes('+') || hasEnded(name.replaceAll('+', '|')))
      rmSync(join(scratch, name), { recursive: true, force: true });
}

/** Without links: tables name their files by whole paths, and a lake is one and the same however it is reached. */
function placeOf(home: string): string {
  try {
    mkdirSync(home, { recursive: true });
    return realpathSync(home);
  } catch {
    // Opening the ledger there says what is wrong.
    return resolve(home);
  }
}

const noSpark: SparkLauncher = () => {
  throw new TerminalError('this plan is for engine spark, and this program starts none', {
    fault: 'headgate',
  });
};

const byPlan = (engines: Readonly<Record<Plan['engine'], Engine>>): Engine => ({
  execute: (plan) => engines[plan.engine].execute(plan),
});
