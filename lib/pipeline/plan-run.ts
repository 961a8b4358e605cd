import { type Dataset, datasetId } from '../contract/dataset.ts';
import { TerminalError } from '../errors.ts';
import { type FileProfile, needsRewrite } from '../formats/profile.ts';
import type { FileEntry } from '../ledger/entries.ts';
import { filesOf, pendingFiles } from '../ledger/files.ts';
import { compile } from '../plan/compile.ts';
import { duckDb } from '../plan/dialects/duckdb.ts';
import { partitionsOf } from '../plan/outputs.ts';
import type { Plan, PlanInput, PlanTarget } from '../plan/plan.ts';
import { schemaOf, tableOf } from '../plan/tables.ts';
import { ensureTable, liveFiles, loadTable, snapshotText } from '../table/table.ts';
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

export async function makeTables(services: Services, dataset: Dataset): Promise<void> {
  const { outputs } = compile(dataset, { runId: '', inputs: [], vaultFiles: [] }, duckDb);
  for (const { name, table } of outputs) {
    await ensureTable(tablePorts(services, name), table, {
      schema: schemaOf(dataset, name),
      partitionBy: name === 'curated' ? partitionsOf(dataset, duckDb) : [],
    });
  }
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
  const target = await targetOf(services, dataset);
  const vaultFiles = await addressesOf(services, dataset);
  return compile(dataset, { runId, inputs, vaultFiles, ...(target === undefined ? {} : { target }) }, duckDb);
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

async function targetOf(services: Services, dataset: Dataset): Promise<PlanTarget | undefined> {
  const name = tableOf(dataset, 'curated');
  const ports = tablePorts(services, 'curated');
  const table = await loadTable(ports, name);
  if (table === undefined) return undefined;
  const schema = schemaOf(dataset, 'curated');
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
