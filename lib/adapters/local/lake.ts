import { randomUUID } from 'node:crypto';
import { join, resolve } from 'node:path';
import { DEFAULT_LIMITS, type Services } from '../../pipeline/services.ts';
import type { Notifier } from '../../ports/notifier.ts';
import type { ObjectStore } from '../../ports/object-store.ts';
import { readContracts } from './contracts.ts';
import { duckDbEngine } from './duckdb-engine.ts';
import { localExecutions } from './executions.ts';
import { folderStore } from './folder-store.ts';
import { keyFiles } from './key-file.ts';
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
}

export interface Lake extends Services {
  readonly home: string;
  readonly landing: ObjectStore;
}

/** Everything on this machine: folders for buckets, SQLite for ledger and catalogue, DuckDB for the engine. */
export function openLake({ home, contracts, notifier, memory }: LakeOptions): Lake {
  const at = (name: string) => join(resolve(home), name);
  const stores = {
    raw: folderStore(at('raw')),
    lake: folderStore(at('lake')),
    vault: folderStore(at('vault')),
    results: folderStore(at('results')),
  };
  const ledger = sqliteLedger(at('ledger.db'));
  return {
    home: resolve(home),
    landing: folderStore(at('landing'), { shared: true }),
    stores,
    ledger,
    catalog: sqliteCatalog(at('catalog.db')),
    engine: duckDbEngine({
      raw: stores.raw,
      stores,
      secrets: keyFiles(at('keys'), ledger),
      scratch: at('scratch'),
      ...(memory === undefined ? {} : { memory }),
    }),
    datasets: readContracts(contracts),
    notifier,
    clock: { now: () => new Date() },
    executions: localExecutions,
    newId: randomUUID,
    limits: DEFAULT_LIMITS,
  };
}
