import { type Dataset, datasetId } from '../contract/dataset.ts';
import { TerminalError } from '../errors.ts';
import { type FileProfile, needsRewrite } from '../formats/profile.ts';
import type { FileEntry } from '../ledger/entries.ts';
import { filesOf, pendingFiles } from '../ledger/files.ts';
import { compile } from '../plan/compile.ts';
import { duckDb } from '../plan/dialects/duckdb.ts';
import { partitionsOf } from '../plan/outputs.ts';
import type { OutputName, Plan, PlanInput, PlanTarget } from '../plan/plan.ts';
import { definitionOf, tableOf } from '../plan/tables.ts';
import { ensureTable, wantedSchema } from '../table/evolve.ts';
import type { Field } from '../table/schema.ts';
import { liveFiles, loadTable, snapshotText } from '../table/table.ts';
import { datasetOf, runContext, tablePorts } from './context.ts';
import { storeDocument } from './documents.ts';
import type { Message, RunMessage } from './message.ts';
import type { Services } from './services.ts';

/** Compiles contract, batch and table state to a plan and stores it before anything acts. */
export async function planRun(services: Services, message: RunMessage): Promise<Message> {
  const { run, save } = await runContext(services, message);
  const dataset = datasetOf(services, message.dataset);
  const files = await filesOf(services.ledger, message.dataset, run.files);
  await makeTables(services, dataset);
  const plan = await planOf(services, dataset, run.runId, files);
  await storeDocument(services.stores.results, message.dataset, 'plan', plan);
  await save({ state: 'planned' });
  return message;
}

/** The plan for what is pending, without acting. */
export async function explainPending(services: Services, id: string): Promise<Plan> {
  const dataset = datasetOf(services, id);
  const files = await pendingFiles(services.ledger, id, services.limits.files);
  return planOf(services, dataset, 'explained', files);
}

/** Makes the dataset's tables, or evolves them to what its contract wants now. */
export async function makeTables(services: Services, dataset: Dataset): Promise<void> {
  for (const name of outputsOf(dataset)) {
    const definition = definitionOf(dataset, name, partitionsOf(dataset, duckDb));
    await ensureTable(tablePorts(services, name), tableOf(dataset, name), definition);
  }
}

const outputsOf = (dataset: Dataset): readonly OutputName[] =>
  compile(dataset, { runId: '', inputs: [], vaultFiles: [] }, duckDb).outputs.map(({ name }) => name);

/** Columns that the tables have, or will have once `makeTables` has followed the contract: `explain` acts on nothing. */
async function schemasOf(
  services: Services,
  dataset: Dataset,
): Promise<Readonly<Record<string, readonly Field[]>>> {
  const schemas: Record<string, readonly Field[]> = {};
  for (const name of outputsOf(dataset)) {
    const definition = definitionOf(dataset, name, partitionsOf(dataset, duckDb));
    const table = await loadTable(tablePorts(services, name), tableOf(dataset, name));
    schemas[name] = table === undefined ? definition.schema : wantedSchema(table, definition).schema;
  }
  return schemas;
}

async function planOf(
  services: Services,
  dataset: Dataset,
  runId: string,
  files: readonly FileEntry[],
): Promise<Plan> {
  if (dataset.engine === 'spark') {
    throw new TerminalError(
      `${datasetId(dataset)} asks for engine spark, which is not available here; allowed: auto, duckdb`,
      { fault: 'contract' },
    );
  }
  const inputs = files.map((file) => inputOf(file, dataset));
  const schemas = await schemasOf(services, dataset);
  const target = await targetOf(services, dataset, schemas.curated ?? []);
  const vaultFiles = await addressesOf(services, dataset);
  const batch = { runId, inputs, vaultFiles, schemas, ...(target === undefined ? {} : { target }) };
  return compile(dataset, batch, duckDb);
}

function inputOf(file: FileEntry, { format }: Dataset): PlanInput {
  // Written by takeIn alone.
  const profile = file.profile as FileProfile;
  return {
    fileId: file.fileId,
    key: file.rawKey,
    etag: file.rawEtag,
    bytes: file.bytes,
    records: file.counts.received,
    format,
    fields: file.fields,
    rewrite: needsRewrite(format, profile),
    profile,
  };
}

async function targetOf(
  services: Services,
  dataset: Dataset,
  schema: readonly Field[],
): Promise<PlanTarget | undefined> {
  const name = tableOf(dataset, 'curated');
  const ports = tablePorts(services, 'curated');
  const table = await loadTable(ports, name);
  if (table === undefined) return undefined;
  const source = schema.find((field) => field.name === '_source_file')?.id ?? -1;
  const files = await liveFiles(ports.store, table);
  return {
    table: name,
    snapshot: snapshotText(table),
    schema,
    files: files.map(({ path, rows, bytes, partition, upperText }) => ({
      path,
      rows,
      bytes,
      partition,
      newest: upperText(source) ?? '',
    })),
  };
}

async function addressesOf(services: Services, dataset: Dataset): Promise<readonly string[]> {
  const ports = tablePorts(services, 'vault');
  const table = await loadTable(ports, tableOf(dataset, 'vault'));
  return table === undefined ? [] : (await liveFiles(ports.store, table)).map(({ path }) => path);
}
