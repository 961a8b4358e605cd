import { createHash } from 'node:crypto';
import { json } from 'node:stream/consumers';
import { type Dataset, datasetId } from '../contract/dataset.ts';
import { type Entity, entityId } from '../contract/entity.ts';
import { ConflictError, MatchWaiting, TerminalError } from '../errors.ts';
import { partitions } from '../ledger/entries.ts';
import { holds, type Lock } from '../ledger/locks.ts';
import { newRunId, tablePorts } from '../pipeline/context.ts';
import { withLock } from '../pipeline/maintain.ts';
import { makeTables } from '../pipeline/plan-run.ts';
import type { Services } from '../pipeline/services.ts';
import type { TableFiles } from '../plan/parquet-copy.ts';
import { tableOf } from '../plan/tables.ts';
import type { LedgerWrite } from '../ports/ledger.ts';
import type { Matcher } from '../ports/matcher.ts';
import { commit } from '../table/commit.ts';
import type { DataFile } from '../table/data-file.ts';
import { ensureTable } from '../table/evolve.ts';
import { rollback } from '../table/rollback.ts';
import { liveFiles, loadTable, shapeOf, snapshotText } from '../table/table.ts';
import { type Decision, decisionsOf } from './decisions.ts';
import { type Counts, resolve } from './resolve.ts';
import { SPLINK_VERSION } from './settings.ts';
import { MATCH_TABLES, type MatchTable, matchSchema, matchTable } from './tables.ts';

/** `resolved`: its result is stored and has to be published. `abandoned`: its tables were changed by somebody else meanwhile. */
export interface MatchRun {
  readonly runId: string;
  readonly entity: string;
  readonly state: 'resolved' | 'published' | 'abandoned';
  /** Of everything that the outcome depends on. */
  readonly fingerprint: string;
  readonly startedAt: string;
  readonly updatedAt: string;
  readonly engine: string;
  readonly counts: Counts;
  /** Of one that goes back: the snapshots that its tables shall show again. */
  readonly rollback?: Rollback;
}

/** Null: the table before its first match. */
export type Rollback = Readonly<Partial<Record<MatchTable, string | null>>>;

/** `unchanged`: nothing is new since the last run. `resumed`: an earlier run was published that had been cut off. */
export interface MatchReport {
  readonly run: MatchRun;
  readonly status: 'published' | 'unchanged';
  readonly resumed: boolean;
}

/** Files of a run by table; a document in the results store. */
interface MatchResult {
  readonly runId: string;
  readonly outputs: readonly {
    readonly table: MatchTable;
    readonly add: readonly DataFile[];
    readonly remove: readonly string[];
    readonly onto: 'retry' | { readonly snapshot: string | null };
  }[];
  readonly model: unknown;
}

export interface MatchWork {
  readonly services: Services;
  readonly matcher: Matcher;
  /** Of the process, as `asExecution` gives it. */
  readonly execution: string;
}

/**
 * Matches the records of an entity's sources as they stand now, and publishes the entity's tables. Nothing is done where nothing has changed; a run that was
 * cut off after its result was stored is published as it is.
 * @throws ConflictError while another run of the entity works; MatchWaiting while a job compares: the next call goes on with the same records
 */
export const matchEntity = (
  { services, matcher, execution }: MatchWork,
  entity: Entity,
): Promise<MatchReport> =>
  withLock(services, entityId(entity), execution, async (lock) => {
    const resumed = (await lastRun(services, entity))?.state === 'resolved';
    const done = await finishLast(services, entity, lock);
    const inputs = (await waiting(services, entity)) ?? (await inputsOf(services, entity));
    if (done?.state === 'published' && done.fingerprint === inputs.fingerprint)
      return { run: done, status: 'unchanged', resumed };
    const run = await matchRecords({ services, matcher, entity, inputs, lock, last: done?.runId });
    return { run: await publish(services, entity, run, lock), status: 'published', resumed };
  });

/** The last run, published where it had been cut off. */
export async function finishLast(
  services: Services,
  entity: Entity,
  lock: Lock,
): Promise<MatchRun | undefined> {
  const last = await lastRun(services, entity);
  return last?.state === 'resolved' ? publish(services, entity, last, lock) : last;
}

interface Standing {
  readonly entity: Entity;
  readonly lock: Lock;
  readonly last: MatchRun;
}

/** Written down before it acts. What the last run was made of counts as dealt with, or the next one would make it again. */
export async function rollBackTo(
  services: Services,
  { entity, lock, last }: Standing,
  targets: Rollback,
): Promise<MatchRun> {
  const at = services.clock.now().toISOString();
  const runId = newRunId(services, last.runId);
  const run: MatchRun = {
    ...last,
    runId,
    state: 'resolved',
    startedAt: at,
    updatedAt: at,
    rollback: targets,
  };
  // A comparing that goes on would bring back what is rolled back now.
  await services.stores.results.remove(waitingKey(entity));
  return publish(services, entity, await save(services, run, lock), lock);
}

export async function lastRun(
  { ledger }: Pick<Services, 'ledger'>,
  entity: Pick<Entity, 'domain' | 'name'>,
): Promise<MatchRun | undefined> {
  const partition = partitions.matchRuns(entityId(entity));
  const [item] = await ledger.query<MatchRun>({ partition, descending: true, limit: 1 });
  return item?.body;
}

interface StandingTable extends TableFiles {
  readonly snapshot: string | null;
}

interface MatchInputs {
  /** Of the contracts that say what is matched. */
  readonly contracts: readonly string[];
  /** Names the comparing of these inputs, once a day: one that failed is not begun again and again. */
  readonly key: string;
  readonly curated: readonly StandingTable[];
  readonly vaults: readonly StandingTable[];
  readonly own: Readonly<Record<MatchTable, StandingTable>>;
  readonly decisions: readonly Decision[];
  readonly fingerprint: string;
}

/** Makes an entity's tables, or evolves them to what its contract wants now. */
export async function makeEntityTables(services: Services, entity: Entity): Promise<void> {
  for (const table of MATCH_TABLES)
    await ensureTable(tablePorts(services, 'curated'), matchTable(entity, table), {
      schema: matchSchema(entity, table),
      partitionBy: [],
    });
}

async function inputsOf(services: Services, entity: Entity): Promise<MatchInputs> {
  await makeEntityTables(services, entity);
  const standing = (dataset: Dataset, output: 'curated' | 'vault') =>
    standingTable(services, output, tableOf(dataset, output));
  const datasets = entity.sources.map(({ dataset }) => dataset);
  for (const dataset of datasets) await followContract(services, dataset);
  const curated = await Promise.all(datasets.map((dataset) => standing(dataset, 'curated')));
  const vaults = await Promise.all(datasets.map((dataset) => standing(dataset, 'vault')));
  const own = Object.fromEntries(
    await Promise.all(
      MATCH_TABLES.map(
        async (table) =>
          [table, await standingTable(services, 'curated', matchTable(entity, table))] as const,
      ),
    ),
  ) as Record<MatchTable, StandingTable>;
  const decisions = await decisionsOf(services.ledger, entity);
  const contracts = contractsOf(entity);
  const parts = {
    splink: SPLINK_VERSION,
    contracts,
    snapshots: [...curated, ...vaults].map(({ snapshot }) => snapshot),
    decisions,
  };
  const fingerprint = hash(JSON.stringify(parts));
  const key = `${services.clock.now().toISOString().slice(0, 10)}-${fingerprint}`;
  return { contracts, key, curated, vaults, own, decisions, fingerprint };
}

/** A column that the contract has and no file has brought yet is there, empty. A table that no file has made is none of ours to make. */
async function followContract(services: Services, dataset: Dataset): Promise<void> {
  const table = await loadTable(tablePorts(services, 'curated'), tableOf(dataset, 'curated'));
  if (table !== undefined) await makeTables(services, dataset);
}

const contractsOf = ({ contract, sources }: Entity): readonly string[] =>
  [contract, ...sources.map(({ dataset }) => dataset.contract)].map(({ fingerprint }) => fingerprint);

const waitingKey = (entity: Entity): string => `match/${entityId(entity)}/waiting.json`;

/** The inputs of a comparing that has begun: sources that change all the time would never be matched otherwise. */
async function waiting({ stores }: Services, entity: Entity): Promise<MatchInputs | undefined> {
  const key = waitingKey(entity);
  if ((await stores.results.stat(key)) === undefined) return undefined;
  // Written by `matchRecords` alone.
  const inputs = (await json(stores.results.read(key))) as MatchInputs;
  return JSON.stringify(inputs.contracts) === JSON.stringify(contractsOf(entity)) ? inputs : undefined;
}

const hash = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 16);

async function standingTable(
  services: Services,
  output: 'curated' | 'vault',
  name: { readonly database: string; readonly name: string },
): Promise<StandingTable> {
  const ports = tablePorts(services, output);
  const table = await loadTable(ports, name);
  if (table === undefined) return { files: [], schema: [], snapshot: null };
  const files = (await liveFiles(ports.store, table)).map(({ path }) => path);
  return { files, schema: shapeOf(table.metadata).schema, snapshot: snapshotText(table) };
}

interface Order {
  readonly services: Services;
  readonly matcher: Matcher;
  readonly entity: Entity;
  readonly inputs: MatchInputs;
  readonly lock: Lock;
  /** The run before: the last one is the one whose id sorts last. */
  readonly last: string | undefined;
}

async function matchRecords(order: Order): Promise<MatchRun> {
  const { services, matcher, entity, inputs, lock, last } = order;
  const startedAt = services.clock.now().toISOString();
  const runId = newRunId(services, last);
  for (const [index, { schema }] of inputs.curated.entries())
    requireTable(entity.sources[index]?.dataset, schema.length);
  const { own, curated, vaults, decisions } = inputs;
  const read = [...curated, ...vaults, own.xref, own.events].flatMap((table) => table.files);
  const session = { entity: entityId(entity), key: inputs.key, files: read };
  const resolved = matcher.open(session, (workshop, local) => {
    const here = (table: TableFiles): TableFiles => ({ ...table, files: table.files.map(local) });
    return resolve(workshop, entity, {
      runId,
      at: startedAt,
      curated: curated.map(here),
      vaults: vaults.map(here),
      xref: here(own.xref),
      events: here(own.events),
      decisions,
    });
  });
  const { files, model, counts } = await resolved.catch((error: unknown) => keep(services, order, error));
  const result: MatchResult = {
    runId,
    model,
    outputs: MATCH_TABLES.map((table) => ({
      table,
      add: files[table],
      remove: table === 'events' ? [] : own[table].files,
      onto: table === 'events' ? 'retry' : { snapshot: own[table].snapshot },
    })),
  };
  await services.stores.results.write(resultKey(entity, runId), Buffer.from(JSON.stringify(result)));
  const run: MatchRun = {
    runId,
    entity: entityId(entity),
    state: 'resolved',
    fingerprint: inputs.fingerprint,
    startedAt,
    updatedAt: startedAt,
    engine: matcher.engine,
    counts,
  };
  await services.stores.results.remove(waitingKey(entity));
  return save(services, run, lock);
}

/** Keeps the inputs of a comparing that goes on; after any other error the next run begins with what stands then. */
async function keep(
  { stores: { results } }: Services,
  { entity, inputs }: Order,
  error: unknown,
): Promise<never> {
  const key = waitingKey(entity);
  if (error instanceof MatchWaiting) await results.write(key, Buffer.from(JSON.stringify(inputs)));
  else await results.remove(key);
  throw error;
}

function requireTable(dataset: Dataset | undefined, columns: number): void {
  if (dataset === undefined || columns > 0) return;
  throw new TerminalError(`${datasetId(dataset)} has no table yet; headgate run makes it`, {
    fault: 'source',
  });
}

const resultKey = (entity: Entity, runId: string): string => `match/${entityId(entity)}/${runId}/result.json`;

/** Commits the run's tables. Every commit is idempotent by run id, so a publish that was cut off is repeated from its start. */
async function publish(services: Services, entity: Entity, run: MatchRun, lock: Lock): Promise<MatchRun> {
  if (run.rollback !== undefined) {
    for (const table of MATCH_TABLES) {
      const toSnapshot = run.rollback[table];
      const order = { toSnapshot: toSnapshot ?? null, runId: `rollback-${run.runId}` };
      if (toSnapshot !== undefined)
        await rollback(tablePorts(services, 'curated'), matchTable(entity, table), order);
    }
    return save(services, { ...run, state: 'published' }, lock);
  }
  const result = await readResult(services, entity, run.runId);
  try {
    for (const { table, add, remove, onto } of result.outputs) {
      if (add.length + remove.length === 0) continue;
      const change = { runId: run.runId, add, remove, kept: 0, onto };
      await commit(tablePorts(services, 'curated'), matchTable(entity, table), change);
    }
  } catch (error) {
    // Under the lock nobody else writes these tables: a person or another program did, and the result is for rows that stand no more.
    if (error instanceof ConflictError) await save(services, { ...run, state: 'abandoned' }, lock);
    throw error;
  }
  return save(services, { ...run, state: 'published' }, lock);
}

async function readResult(services: Services, entity: Entity, runId: string): Promise<MatchResult> {
  // Written by `matchRecords` alone.
  return (await json(services.stores.results.read(resultKey(entity, runId)))) as MatchResult;
}

async function save(services: Services, run: MatchRun, lock: Lock): Promise<MatchRun> {
  const body: MatchRun = { ...run, updatedAt: services.clock.now().toISOString() };
  const write: LedgerWrite = {
    kind: 'put',
    partition: partitions.matchRuns(run.entity),
    sort: run.runId,
    body,
  };
  if ((await services.ledger.transact([holds(lock), write])) === 'done') return body;
  throw new ConflictError(`run ${run.runId} lost the lock of ${run.entity}; the run that holds it goes on`, {
    fault: 'headgate',
  });
}
