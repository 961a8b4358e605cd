import { randomUUID } from 'node:crypto';
import { join, resolve } from 'node:path';
import { TerminalError } from '../../errors.ts';
import { DEFAULT_LIMITS, type Services } from '../../pipeline/services.ts';
import { DUCKDB_UNLESS_ASKED, type EnginePolicy } from '../../plan/engine-choice.ts';
import type { Plan } from '../../plan/plan.ts';
import type { Engine } from '../../ports/engine.ts';
import type { Notifier } from '../../ports/notifier.ts';
import type { ObjectStore } from '../../ports/object-store.ts';
import { readContracts } from './contracts.ts';
import { duckDbEngine } from './duckdb-engine.ts';
import { localExecutions } from './executions.ts';
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
  readonly notifier: Notifier;
  /** Memory for DuckDB, such as `1GB`. */
  readonly memory?: string;
  readonly enginePolicy?: EnginePolicy;
  /** Starts Spark for plans that name it. @default such plans are refused */
  readonly spark?: SparkLauncher;
}

export interface Lake extends Services {
  readonly home: string;
  readonly landing: ObjectStore;
}

/** Everything on this machine: folders for buckets, SQLite for ledger and catalogue, DuckDB for the engine. */
export function openLake({ home, contracts, notifier, memory, enginePolicy, spark }: LakeOptions): Lake {
  const at = (name: string) => join(resolve(home), name);
  const stores = {
    raw: folderStore(at('raw')),
    lake: folderStore(at('lake')),
    vault: folderStore(at('vault')),
    results: folderStore(at('results')),
  };
  const ledger = sqliteLedger(at('ledger.db'));
  const engine = { raw: stores.raw, stores, secrets: keyFiles(at('keys'), ledger), scratch: at('scratch') };
  return {
    home: resolve(home),
    landing: folderStore(at('landing'), { shared: true }),
    stores,
    ledger,
    catalog: sqliteCatalog(at('catalog.db')),
    engine: byPlan({
      duckdb: duckDbEngine({ ...engine, ...(memory === undefined ? {} : { memory }) }),
      spark: sparkEngine({ ...engine, launch: spark ?? noSpark }),
    }),
    enginePolicy: enginePolicy ?? DUCKDB_UNLESS_ASKED,
    datasets: readContracts(contracts),
    notifier,
    clock: { now: () => new Date() },
    executions: localExecutions,
    newId: randomUUID,
    limits: DEFAULT_LIMITS,
  };
}

const noSpark: SparkLauncher = () => {
  throw new TerminalError('this plan is for engine spark, and this program starts none', {
    fault: 'headgate',
  });
};

const byPlan = (engines: Readonly<Record<Plan['engine'], Engine>>): Engine => ({
  execute: (plan) => engines[plan.engine].execute(plan),
});
