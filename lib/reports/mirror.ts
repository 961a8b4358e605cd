import { LEDGER_DATABASE } from '../contract/dataset.ts';
import { ConflictError } from '../errors.ts';
import { type Changes, changesOf } from '../ledger/changes.ts';
import { numbered } from '../plan/tables.ts';
import { commit } from '../table/commit.ts';
import type { DataFile } from '../table/data-file.ts';
import { ensureTable } from '../table/evolve.ts';
import { expire, LEAST_GRACE } from '../table/expire.ts';
import { parquetOf } from '../table/parquet-rows.ts';
import type { PrimitiveType } from '../table/schema.ts';
import {
  keyOf,
  liveFiles,
  shapeOf,
  snapshotText,
  type Table,
  type TableDefinition,
  type TablePorts,
} from '../table/table.ts';
import {
  type LedgerRow,
  type LedgerTable,
  type LedgerTablePorts,
  type LedgerType,
  ledgerTables,
} from './ledger-tables.ts';

/** What the ledger is copied through. `store` is the lake. */
export type MirrorPorts = LedgerTablePorts & TablePorts;

export interface Mirrored {
  readonly table: string;
  /** Parts that were written again. */
  readonly parts: number;
  readonly rows: number;
  /** Parts that have changed and wait for the next time. */
  readonly waiting: number;
}

const TYPES: Readonly<Record<LedgerType, PrimitiveType>> = {
  VARCHAR: 'string',
  DATE: 'date',
  TIMESTAMP: 'timestamp',
  BIGINT: 'long',
  DOUBLE: 'double',
};

/** A file holds at most so many rows, and one commit about as many. */
const ROWS_AT_ONCE = 50_000;
const PARTS_AT_ONCE = 100;
/** A part that was written again rests for so long a row: what is spent on copying does not grow with the ledger. 1,000 files: 20 seconds; 100,000: half an hour. */
const REST_MS_A_ROW = 20;
/** Less than the five minutes between two calls; what is left is done the next time. */
const MOST_MS = 4 * 60 * 1000;
/** A snapshot at every change: old ones are forgotten once they have become many. Queries run for half an hour at most. */
const MOST_SNAPSHOTS = 30;
const GRACE_MS = 2 * LEAST_GRACE;

/** Makes the tables that are missing, without rows. */
export async function makeLedgerTables(ports: MirrorPorts): Promise<void> {
  for (const table of ledgerTables(ports)) await tableFor(ports, table);
}

/**
 * Writes those parts of the ledger's tables again that have changed since they were written, as Iceberg tables that Athena reads. The name of a
 * file says of which part it is and which version of it, and a commit takes the old files of a part out and puts the new ones in: it may die
 * anywhere and be done again, and of two at the same time one gives way. The ledger is what counts; these tables can be thrown away.
 */
export async function mirrorLedger(ports: MirrorPorts): Promise<readonly Mirrored[]> {
  const until = ports.clock.now().getTime() + MOST_MS;
  const tables = ledgerTables(ports);
  const datasets = new Set((await Promise.all(tables.map((table) => table.datasets()))).flat());
  const changes = new Map<string, Changes>();
  // Before any record is read: what changes meanwhile is found changed the next time.
  for (const dataset of datasets) changes.set(dataset, await changesOf(ports.ledger, dataset));
  const done: Mirrored[] = [];
  for (const table of tables) done.push(await mirrorTable(ports, table, changes, until));
  return done;
}

const nameOf = ({ name }: LedgerTable) => ({ database: LEDGER_DATABASE, name });

const tableFor = (ports: MirrorPorts, table: LedgerTable): Promise<Table> =>
  ensureTable(ports, nameOf(table), definitionOf(table));

const definitionOf = ({ columns }: LedgerTable): TableDefinition => ({
  schema: numbered(columns.map(([name, type]) => ({ name, type: TYPES[type], required: false }))),
  partitionBy: [{ name: 'dataset', column: 'dataset', transform: 'identity' }],
});

interface Part {
  readonly dataset: string;
  readonly part: string;
  readonly version: string;
}

/** Where the rows of a part stand by now. */
interface Standing {
  readonly version: string;
  readonly writtenAt: number;
  readonly rows: number;
  readonly paths: readonly string[];
}

async function mirrorTable(
  ports: MirrorPorts,
  source: LedgerTable,
  changes: ReadonlyMap<string, Changes>,
  until: number,
): Promise<Mirrored> {
  const table = await tableFor(ports, source);
  const standing = await standingParts(ports, table);
  const now = ports.clock.now().getTime();
  const changed: Part[] = [];
  for (const dataset of await source.datasets())
    for (const [part, version] of Object.entries(
      source.parts(changes.get(dataset) ?? { files: {}, runs: {} }),
    ))
      if (standing.get(folderOf({ dataset, part }))?.version !== version)
        changed.push({ dataset, part, version });
  const due = changed.filter((each) => {
    const { writtenAt = 0, rows = 0 } = standing.get(folderOf(each)) ?? {};
    // Written ahead of now: the clock has gone back since.
    return writtenAt > now || writtenAt + rows * REST_MS_A_ROW <= now;
  });
  const writer = new Writer(ports, source, table, standing);
  try {
    for (const part of due) {
      if (ports.clock.now().getTime() >= until) break;
      await writer.take(part);
    }
    await writer.commit();
  } catch (error) {
    // Files of a commit without answer stay, as it may have been made; an expiry removes them if it was not.
    if (!(error instanceof ConflictError)) throw error;
    // Another copier was faster: it has written what has changed.
    await writer.withdraw();
  }
  if (table.metadata.snapshots.length >= MOST_SNAPSHOTS)
    await expire(ports, nameOf(source), { grace: GRACE_MS, keep: 1, openRuns: [] });
  const { parts, rows } = writer;
  return { table: source.name, parts, rows, waiting: changed.length - parts };
}

/** `payments/transactions/2026-01`; of a table with one part a dataset `payments/transactions/all`. */
const folderOf = ({ dataset, part }: Pick<Part, 'dataset' | 'part'>): string =>
  `${dataset}/${part === '' ? 'all' : part}`;

/** `data/<dataset>/<part>/<version>_<time>_<unique>.parquet` */
const FILE = /\/data\/(?<folder>.+)\/(?<version>[\d.]+)_(?<time>\d+)_[^/]+$/;

async function standingParts({ store }: MirrorPorts, table: Table): Promise<ReadonlyMap<string, Standing>> {
  const parts = new Map<string, Standing>();
  for (const { path, rows } of await liveFiles(store, table)) {
    const { folder = path, version = '', time = '0' } = FILE.exec(path)?.groups ?? {};
    const known = parts.get(folder);
    parts.set(folder, {
      version,
      writtenAt: Number(time),
      rows: rows + (known?.rows ?? 0),
      paths: [...(known?.paths ?? []), path],
    });
  }
  return parts;
}

/** Collects changed parts and commits them together. */
class Writer {
  parts = 0;
  rows = 0;
  #add: DataFile[] = [];
  #remove: string[] = [];
  #collected = 0;
  #snapshot: string | null;
  readonly #ports: MirrorPorts;
  readonly #source: LedgerTable;
  readonly #table: Table;
  readonly #standing: ReadonlyMap<string, Standing>;

  constructor(
    ports: MirrorPorts,
    source: LedgerTable,
    table: Table,
    standing: ReadonlyMap<string, Standing>,
  ) {
    this.#ports = ports;
    this.#source = source;
    this.#table = table;
    this.#standing = standing;
    this.#snapshot = snapshotText(table);
  }

  async take(part: Part): Promise<void> {
    let rows: LedgerRow[] = [];
    for await (const row of this.#source.rowsOf(part.dataset, part.part)) {
      rows.push(row);
      if (rows.length === ROWS_AT_ONCE) {
        await this.#write(part, rows);
        rows = [];
      }
    }
    if (rows.length > 0) await this.#write(part, rows);
    this.#remove.push(...(this.#standing.get(folderOf(part))?.paths ?? []));
    this.#collected += 1;
    const size = this.#add.reduce((sum, file) => sum + file.rows, 0);
    if (size >= ROWS_AT_ONCE || this.#collected >= PARTS_AT_ONCE) await this.commit();
  }

  async #write(part: Part, rows: readonly LedgerRow[]): Promise<void> {
    const { store, clock, newId } = this.#ports;
    const { metadata } = this.#table;
    const { bytes, columns } = parquetOf(shapeOf(metadata).schema, rows);
    const name = `${part.version}_${clock.now().getTime()}_${newId()}.parquet`;
    const path = `${metadata.location}/data/${folderOf(part)}/${name}`;
    await store.write(keyOf(store, path), bytes);
    this.#add.push({ path, rows: rows.length, bytes: bytes.length, partition: [part.dataset], columns });
  }

  /** @throws ConflictError where the table has changed since it was looked at */
  async commit(): Promise<void> {
    if (this.#add.length + this.#remove.length > 0) {
      const { snapshot } = await commit(this.#ports, this.#table.name, {
        runId: `mirror-${this.#ports.newId()}`,
        add: this.#add,
        remove: this.#remove,
        kept: 0,
        onto: { snapshot: this.#snapshot },
      });
      this.#snapshot = snapshot;
      this.rows += this.#add.reduce((sum, { rows }) => sum + rows, 0);
    }
    this.parts += this.#collected;
    this.#add = [];
    this.#remove = [];
    this.#collected = 0;
  }

  /** Removes the files that were surely not committed. */
  async withdraw(): Promise<void> {
    const { store } = this.#ports;
    for (const { path } of this.#add) await store.remove(keyOf(store, path));
  }
}
