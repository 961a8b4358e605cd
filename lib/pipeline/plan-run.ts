import { type Dataset, datasetId, replacesWhole } from '../contract/dataset.ts';
import { asSent } from '../contract/sources.ts';
import type { FileProfile } from '../formats/file-profile.ts';
import { needsRewrite } from '../formats/profile.ts';
import type { FileEntry } from '../ledger/entries.ts';
import { changeFiles, filesOf } from '../ledger/files.ts';
import { holds, type Lock } from '../ledger/locks.ts';
import { compile, uniqueSets } from '../plan/compile.ts';
import { duckDb } from '../plan/dialects/duckdb.ts';
import { engineFor } from '../plan/engine-choice.ts';
import { partitionsOf } from '../plan/outputs.ts';
import {
  type OutputName,
  type Plan,
  type PlanInput,
  type PlanTarget,
  SIDE_OUTPUTS,
  type SideOutput,
} from '../plan/plan.ts';
import { definitionOf, tableOf } from '../plan/tables.ts';
import { filesOfSet, hasSets } from '../sets/sets.ts';
import { ensureTable, wantedSchema } from '../table/evolve.ts';
import type { Field } from '../table/schema.ts';
import { liveFiles, loadTable, snapshotText } from '../table/table.ts';
import { replayOfRun } from './batch.ts';
import { batchOf, weightOf } from './claim.ts';
import { datasetOf, runContext, tablePorts } from './context.ts';
import { storeDocument } from './documents.ts';
import { driftedBatch, recordDrift, unplacedIn, withKnownDrift } from './drift.ts';
import type { Isolated, Message, RunMessage } from './message.ts';
import { judgeReplay, judgeWaiting, type Reach, type ReplayDraft } from './replays.ts';
import type { Services } from './services.ts';

/** Compiles contract, batch and table state to a plan and stores it before anything acts. */
export async function planRun(services: Services, message: RunMessage): Promise<Message> {
  const { run, lock, save } = await runContext(services, message);
  const contract = datasetOf(services, message.dataset);
  const replay = await replayOfRun(services, run);
  const waiting = replay === undefined ? await filesOf(services.ledger, message.dataset, run.files) : [];
  const files =
    replay === undefined
      ? await judgeAll(services, contract, waiting)
      : await judgeReplay(services, contract, replay, run.files);
  const { dataset, added } = await driftedBatch(services, contract, files);
  const isolate = [...files.flatMap(refusalOf), ...unplacedIn(dataset, files)].slice(0, REFUSED_AT_ONCE);
  if (isolate.length > 0) return { ...message, next: 'isolate', isolate };
  await recordJudged(services, waiting, files, lock);
  await makeTables(services, dataset);
  await recordDrift(services, contract, added, lock);
  const plan = await planOf(services, dataset, run.runId, { files, withdraws: run.withdraws ?? [] });
  await storeDocument(services.stores.results, message.dataset, 'plan', plan);
  await save({ state: 'planned', contractVersion: plan.contractVersion });
  return { ...message, next: plan.engine === 'spark' && services.jobs !== undefined ? 'job' : 'execute' };
}

/** The plan of a replay, without acting. */
export async function explainReplay(services: Services, draft: ReplayDraft, reach: Reach): Promise<Plan> {
  const contract = datasetOf(services, draft.dataset);
  const files = await judgeReplay(services, contract, draft, reach.files);
  const { dataset } = await driftedBatch(services, contract, files);
  return planOf(services, dataset, 'explained', { files, withdraws: reach.withdraws });
}

/** The plan for what is pending, without acting. */
export async function explainPending(services: Services, id: string): Promise<Plan> {
  const contract = datasetOf(services, id);
  const waiting = await judgeAll(services, contract, await batchOf(services, { dataset: id }));
  const admitted = waiting.filter(({ state }) => state === 'admitted');
  const { dataset } = await driftedBatch(services, contract, admitted);
  const unplaced = new Set(unplacedIn(dataset, admitted).map(({ fileId }) => fileId));
  const files = admitted.filter(({ fileId }) => !unplaced.has(fileId));
  return planOf(services, dataset, 'explained', { files, withdraws: [] });
}

/** A message holds 256 KB: files beyond these are judged by the next run. */
const REFUSED_AT_ONCE = 20;

const judgeAll = async (services: Services, contract: Dataset, files: readonly FileEntry[]) => {
  const judged: FileEntry[] = [];
  for (const file of files) judged.push(await judgeWaiting(services, contract, file));
  return judged;
};

const refusalOf = ({ fileId, state, reasons }: FileEntry): readonly Isolated[] =>
  state === 'quarantined' ? reasons.map(({ code, message }) => ({ fileId, code, message })) : [];

/** What the contract of today has found in files that intake had judged by an earlier one stands in the ledger before a plan is made of it. */
async function recordJudged(
  { ledger }: Services,
  waiting: readonly FileEntry[],
  files: readonly FileEntry[],
  lock: Lock,
): Promise<void> {
  const judged = new Map(files.map((file) => [file.fileId, file]));
  const changed = waiting.filter(({ fileId, judgedBy }) => judged.get(fileId)?.judgedBy !== judgedBy);
  for (const [dataset, of] of Map.groupBy(changed, (file) => file.dataset)) {
    const ids = of.map(({ fileId }) => fileId);
    await changeFiles(ledger, dataset, ids, ({ fileId }) => judged.get(fileId), [holds(lock)]);
  }
}

/** Makes the dataset's tables, or evolves them to what its contract wants now. */
export async function makeTables(services: Services, contract: Dataset): Promise<void> {
  const dataset = await withKnownDrift(services, contract);
  for (const name of outputsOf(dataset)) {
    const definition = definitionOf(dataset, name, partitionsOf(dataset, duckDb));
    await ensureTable(tablePorts(services, name), tableOf(dataset, name), definition);
  }
}

/** Outputs that a dataset has a table of. */
export const outputsOf = (dataset: Dataset): readonly OutputName[] =>
  compile(dataset, { runId: '', inputs: [], vaultFiles: [] }, duckDb).outputs.map(({ name }) => name);

type Schemas = Partial<Readonly<Record<OutputName, readonly Field[]>>>;

/** Columns that the tables have, or will have once `makeTables` has followed the contract: `explain` acts on nothing. */
async function schemasOf(services: Services, dataset: Dataset): Promise<Schemas> {
  const schemas: Partial<Record<OutputName, readonly Field[]>> = {};
  for (const name of outputsOf(dataset)) {
    const definition = definitionOf(dataset, name, partitionsOf(dataset, duckDb));
    const table = await loadTable(tablePorts(services, name), tableOf(dataset, name));
    schemas[name] = table === undefined ? definition.schema : wantedSchema(table, definition).schema;
  }
  return schemas;
}

interface PlannedBatch {
  readonly files: readonly FileEntry[];
  readonly withdraws: readonly string[];
}

async function planOf(
  services: Services,
  dataset: Dataset,
  runId: string,
  { files, withdraws }: PlannedBatch,
): Promise<Plan> {
  const inputs = files.map((file) => inputOf(file, dataset));
  const schemas = await schemasOf(services, dataset);
  const standing = await targetOf(services, dataset, 'curated', schemas);
  const target =
    standing === undefined || comparesWithTable(dataset) ? standing : holding(standing, withdraws);
  const vaultFiles = await addressesOf(services, dataset);
  const sides = withdraws.length === 0 ? {} : await sidesOf(services, dataset, withdraws, schemas);
  const batch = { runId, inputs, vaultFiles, withdraws, sides, schemas, successors: successors(files) };
  const ages = await agesOf(services, dataset, files, target);
  return compile(
    dataset,
    { ...batch, ages, ...(target === undefined ? {} : { target: aged(target, ages) }) },
    engineFor(dataset, bytesToRead(dataset, files, target), services.enginePolicy),
  );
}

/** By the file whose place it takes: those that have left already are in no table. */
const successors = (files: readonly FileEntry[]): Readonly<Record<string, string>> =>
  Object.fromEntries(
    files.flatMap(({ fileId, supersedes }) =>
      supersedes === undefined ? [] : [[supersedes.fileId, fileId]],
    ),
  );

/** For members of sets, in the batch and in the table: the greatest id of a file of the set that is loaded, or is about to be. */
async function agesOf(
  { ledger }: Services,
  dataset: Dataset,
  files: readonly FileEntry[],
  target: PlanTarget | undefined,
): Promise<ReadonlyMap<string, string>> {
  if (!hasSets(dataset) || !replacesWhole(dataset)) return new Map();
  const id = datasetId(dataset);
  const standing = await filesOf(ledger, id, [...new Set(target?.files.map(({ newest }) => newest))]);
  const sets = Map.groupBy([...files, ...standing], ({ set }) => set);
  const ages = new Map<string, string>();
  for (const [set, members] of sets) {
    if (set === undefined) continue;
    const published = (await filesOfSet(ledger, id, set)).filter(({ state }) => state === 'published');
    const ids = [...members, ...published].map(({ fileId }) => fileId).sort();
    for (const fileId of ids) ages.set(fileId, ids.at(-1) ?? fileId);
  }
  return ages;
}

const aged = (target: PlanTarget, ages: ReadonlyMap<string, string>): PlanTarget => ({
  ...target,
  files: target.files.map((file) => ({ ...file, newest: ages.get(file.newest) ?? file.newest })),
});

const bytesToRead = (
  { writeMode }: Dataset,
  files: readonly FileEntry[],
  target: PlanTarget | undefined,
): number => {
  const compared = writeMode === 'merge' || writeMode === 'scd2' ? (target?.files ?? []) : [];
  return [...files.map(weightOf), ...compared.map(({ bytes }) => bytes)].reduce((sum, each) => sum + each, 0);
};

function inputOf(file: FileEntry, dataset: Dataset): PlanInput {
  const { format } = asSent(dataset, file.key);
  const names = new Set(dataset.columns.map(({ name }) => name));
  // Written by takeIn alone.
  const profile = file.profile as FileProfile;
  return {
    fileId: file.fileId,
    key: file.rawKey,
    etag: file.rawEtag,
    bytes: file.bytes,
    records: file.counts.received,
    format,
    fields: file.fields.map((column) => (column !== null && names.has(column) ? column : null)),
    rewrite: needsRewrite(format, profile),
    profile,
  };
}

/** Rows of the batch are held against rows of the table; otherwise the table matters only for files that leave it. */
const comparesWithTable = (dataset: Dataset): boolean =>
  dataset.dedupe !== undefined || dataset.writeMode !== 'append' || uniqueSets(dataset).length > 0;

/** Only files that may hold rows of these source files, by their bounds. */
const holding = (target: PlanTarget, sources: readonly string[]): PlanTarget => ({
  ...target,
  files: target.files.filter(({ oldest, newest }) =>
    sources.some((source) => oldest <= source && source <= newest),
  ),
});

async function sidesOf(
  services: Services,
  dataset: Dataset,
  withdraws: readonly string[],
  schemas: Schemas,
): Promise<Plan['sides']> {
  const sides: Partial<Record<SideOutput, PlanTarget>> = {};
  for (const name of SIDE_OUTPUTS) {
    const target = await targetOf(services, dataset, name, schemas);
    const touched = target === undefined ? undefined : holding(target, withdraws);
    if (touched !== undefined && touched.files.length > 0) sides[name] = touched;
  }
  return sides;
}

async function targetOf(
  services: Services,
  dataset: Dataset,
  output: OutputName,
  schemas: Schemas,
): Promise<PlanTarget | undefined> {
  const name = tableOf(dataset, output);
  const ports = tablePorts(services, output);
  const table = await loadTable(ports, name);
  if (table === undefined) return undefined;
  const schema = schemas[output] ?? [];
  const source = schema.find((field) => field.name === '_source_file')?.id ?? -1;
  const files = await liveFiles(ports.store, table);
  return {
    table: name,
    snapshot: snapshotText(table),
    schema,
    files: files.map(({ path, rows, bytes, partition, lowerText, upperText }) => ({
      path,
      rows,
      bytes,
      partition,
      oldest: lowerText(source) ?? '',
      newest: upperText(source) ?? '',
    })),
  };
}

async function addressesOf(services: Services, dataset: Dataset): Promise<readonly string[]> {
  const ports = tablePorts(services, 'vault');
  const table = await loadTable(ports, tableOf(dataset, 'vault'));
  return table === undefined ? [] : (await liveFiles(ports.store, table)).map(({ path }) => path);
}
