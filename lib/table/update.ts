import { ConflictError, TerminalError } from '../errors.ts';
import type { TableName } from '../ports/catalog.ts';
import { printMetadata, type TableMetadata } from './metadata.ts';
import { keyOf, loadTable, type Table, type TablePorts, tableFolder } from './table.ts';

export type Put = (location: string, bytes: Uint8Array) => Promise<void>;

export interface Decision<Result> {
  /** What the table becomes; left out where nothing has to change. */
  readonly metadata?: TableMetadata;
  readonly result: Result;
}

const MOST_ATTEMPTS = 20;
const METADATA_LOG = 100;

/**
 * Changes a table's metadata by one swap. `decide` is asked again, with the table as it is then, when another writer was faster. What it
 * has `put` is removed again where it was surely not swapped in; not after a swap without answer, which may have won.
 * @throws ConflictError when other writers were faster too often; TerminalError where there is no such table
 */
export async function update<Result>(
  ports: TablePorts,
  name: TableName,
  decide: (table: Table, put: Put) => Promise<Decision<Result>>,
): Promise<Result> {
  for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt++) {
    const table = await loadTable(ports, name);
    if (table === undefined)
      throw new TerminalError(`there is no table ${tableFolder(name)}`, { fault: 'headgate' });
    const done = await attemptUpdate(ports, table, decide);
    if (done !== undefined) return done.result;
  }
  throw new ConflictError(`${tableFolder(name)}: ${MOST_ATTEMPTS} changes lost to other writers`, {
    fault: 'headgate',
  });
}

async function attemptUpdate<Result>(
  ports: TablePorts,
  table: Table,
  decide: (table: Table, put: Put) => Promise<Decision<Result>>,
): Promise<Decision<Result> | undefined> {
  const written: string[] = [];
  const put: Put = async (location, bytes) => {
    written.push(location);
    // No condition: the name is new, and where a client asks again after a lost answer it would meet its own object.
    await ports.store.write(keyOf(ports.store, location), bytes);
  };
  const withdraw = async () => {
    for (const leftover of written) await ports.store.remove(keyOf(ports.store, leftover));
  };
  try {
    const decision = await decide(table, put);
    if (decision.metadata === undefined) return decision;
    const next = withLog(table, decision.metadata);
    const location = metadataLocation(next, versionOf(table.pointer.metadataLocation) + 1, ports.newId());
    await put(location, Buffer.from(printMetadata(next)));
    const answer = await ports.catalog.swap(table.name, table.pointer, location).catch((error: unknown) => {
      written.length = 0;
      throw error;
    });
    if (answer === 'swapped' || (await hasBecome(ports, table.name, location))) return decision;
  } catch (error) {
    await withdraw();
    throw error;
  }
  await withdraw();
  return undefined;
}

/**
 * Whether a table's metadata is this file, or has come from it. A conflict alone does not say that another writer was faster: a client that asks
 * again after a lost answer (every SDK of AWS does) meets the swap that it has made itself.
 */
export async function hasBecome(ports: TablePorts, name: TableName, location: string): Promise<boolean> {
  const table = await loadTable(ports, name);
  if (table === undefined) return false;
  const { 'metadata-log': log } = table.metadata;
  return (
    table.pointer.metadataLocation === location || log.some((each) => each['metadata-file'] === location)
  );
}

const withLog = ({ metadata, pointer }: Table, next: TableMetadata): TableMetadata => ({
  ...next,
  'metadata-log': [
    ...next['metadata-log'],
    { 'metadata-file': pointer.metadataLocation, 'timestamp-ms': metadata['last-updated-ms'] },
  ].slice(-METADATA_LOG),
});

/** Named as other writers do: number of the version, then a unique text. */
export const metadataLocation = ({ location }: TableMetadata, version: number, unique: string): string =>
  `${location}/metadata/${String(version).padStart(5, '0')}-${unique}.metadata.json`;

const versionOf = (location: string): number => Number(/\/v?(\d+)[^/]*$/.exec(location)?.[1] ?? 0);

/** Time of a change: the times of a table's metadata and snapshots strictly grow, whatever the clock does. */
export const changeTime = ({ clock }: TablePorts, { metadata }: Table): number =>
  Math.max(clock.now().getTime(), metadata['last-updated-ms'] + 1);
