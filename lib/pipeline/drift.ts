import { type Dataset, datasetId } from '../contract/dataset.ts';
import { takesDrift, withDrift } from '../contract/drift.ts';
import { typeText, withWidened } from '../contract/widening.ts';
import { TerminalError } from '../errors.ts';
import type { FileProfile } from '../formats/file-profile.ts';
import { driftId, driftOf, driftWrite } from '../ledger/drift.ts';
import type { ColumnDrift, DriftEntry, FileEntry, TypeDrift } from '../ledger/entries.ts';
import { holds, type Lock } from '../ledger/locks.ts';
import { due, noticeId, tell } from '../ledger/notices.ts';
import type { Plan, RunResult } from '../plan/plan.ts';
import { tableOf } from '../plan/tables.ts';
import type { Notice } from '../ports/notifier.ts';
import { loadTable, shapeOf } from '../table/table.ts';
import { tablePorts } from './context.ts';
import type { Isolated } from './message.ts';
import type { Services } from './services.ts';

/** A batch with what its files have brought beside the columns of the contract. */
export interface DriftedBatch {
  readonly dataset: Dataset;
  /** Columns that no file has brought before. */
  readonly added: readonly ColumnDrift[];
}

/** Decides without acting. Columns and types known from earlier files stay in the dataset, so that a batch without them leaves the table as it is. */
export async function driftedBatch(
  services: Services,
  contract: Dataset,
  files: readonly FileEntry[],
): Promise<DriftedBatch> {
  if (!takesDrift(contract) && contract.drift.retyped !== 'evolve') return { dataset: contract, added: [] };
  const entries = await driftOf(services.ledger, datasetId(contract));
  const widened = withWidened(
    contract,
    entries.filter((entry) => entry.effect === 'widened'),
  );
  if (!takesDrift(contract)) return { dataset: widened, added: [] };
  const known = entries.filter((entry) => entry.effect !== 'widened');
  const added = newColumns(contract, files, known, services.clock.now());
  const typed = await typedInTable(services, contract);
  const usable = [...known, ...added].map(({ column }) => column).filter((name) => !typed.has(name));
  return { dataset: withDrift(widened, usable), added };
}

function newColumns(
  contract: Dataset,
  files: readonly FileEntry[],
  known: readonly ColumnDrift[],
  now: Date,
): readonly ColumnDrift[] {
  const names = new Set(
    [...known, ...contract.columns.map(({ name: column }) => ({ column }))].map(({ column }) => column),
  );
  const added = new Map<string, ColumnDrift>();
  for (const file of files) {
    const header = (file.profile as FileProfile).header ?? [];
    for (const [index, column] of file.fields.entries()) {
      if (column === null || names.has(column) || added.has(column)) continue;
      added.set(column, {
        dataset: datasetId(contract),
        column,
        sourceName: header[index] ?? column,
        effect: contract.drift.addedColumn === 'evolve' ? 'added' : 'refused',
        fileId: file.fileId,
        key: file.key,
        at: now.toISOString(),
      });
    }
  }
  return [...added.values()];
}

/** The dataset with the columns that files have brought so far. */
export async function withKnownDrift(services: Services, contract: Dataset): Promise<Dataset> {
  return (await driftedBatch(services, contract, [])).dataset;
}

/** Files with a column that the table can't take: what they hold there would be lost. */
export function unplacedIn({ contract, columns }: Dataset, files: readonly FileEntry[]): readonly Isolated[] {
  const names = new Set(columns.map(({ name }) => name));
  return files.flatMap(({ fileId, fields }) => {
    const lost = fields.filter((column) => column !== null && !names.has(column));
    const message = `columns that the table has with another type than text, from an earlier version of ${contract.file}: ${lost.join(', ')}; declare them there again, or send the file without them`;
    return lost.length === 0 ? [] : [{ fileId, code: 'file.header', message }];
  });
}

/** Columns that the contract had once, with a type that texts have not: they do not come back through a file. */
async function typedInTable(services: Services, contract: Dataset): Promise<ReadonlySet<string>> {
  // Values that only refuse their rows do not come into this table.
  if (contract.drift.addedColumn === 'quarantine') return new Set();
  const wanted = new Set(contract.columns.map(({ name }) => name));
  const table = await loadTable(tablePorts(services, 'curated'), tableOf(contract, 'curated'));
  const fields = table === undefined ? [] : shapeOf(table.metadata).schema;
  return new Set(
    fields.filter(({ name, type }) => type !== 'string' && !wanted.has(name)).map(({ name }) => name),
  );
}

/** Types that values of the batch need and its plan did not have, each with the first file that needs it. Decides without acting. */
export function neededTypes(
  dataset: Dataset,
  files: readonly FileEntry[],
  { widenable = {}, outputs }: Plan,
  { tallies }: RunResult,
  now: Date,
): readonly TypeDrift[] {
  const had = outputs.find(({ name }) => name === 'curated')?.schema ?? [];
  return Object.entries(widenable).flatMap(([column, types]) => {
    const place = Math.max(0, ...tallies.map(({ wider }) => wider?.[column] ?? 0));
    const cause = tallies.find(({ wider }) => wider?.[column] === place);
    const file = files.find(({ fileId }) => fileId === cause?.fileId);
    const type = types[place - 1];
    if (type === undefined || file === undefined || !had.some(({ name }) => name === column)) return [];
    const header = (file.profile as FileProfile).header ?? [];
    const at = now.toISOString();
    const { fileId, key } = file;
    const sourceName = header[file.fields.indexOf(column)] ?? column;
    return [
      { dataset: datasetId(dataset), column, sourceName, effect: 'widened', type, fileId, key, at } as const,
    ];
  });
}

/** Records which file brought what, and that the owner has to be told, in one write for each file; then tells. What is recorded already is left alone. */
export async function recordDrift(
  services: Services,
  contract: Dataset,
  entries: readonly DriftEntry[],
  lock: Lock,
): Promise<void> {
  if (entries.length === 0) return;
  const known = new Set((await driftOf(services.ledger, datasetId(contract))).map(driftId));
  const fresh = entries.filter((entry) => !known.has(driftId(entry)));
  for (const [fileId, ofFile] of Map.groupBy(fresh, (entry) => entry.fileId)) {
    const notice = noticeOf(contract, fileId, ofFile);
    const subject = `${fileId}#${ofFile.map(({ column }) => column).join(',')}`;
    const writes = [holds(lock), ...ofFile.map(driftWrite), due(notice, subject)];
    if ((await services.ledger.transact(writes)) !== 'done')
      throw new TerminalError(`the lock of ${datasetId(contract)} went to another run`, {
        fault: 'headgate',
      });
    await tell(services, noticeId(notice, subject));
  }
}

function noticeOf(contract: Dataset, fileId: string, entries: readonly DriftEntry[]): Notice {
  const id = datasetId(contract);
  const key = entries[0]?.key ?? '';
  const { title, reason } = told(contract, key, entries);
  return {
    kind: 'schema.changed',
    dataset: id,
    title: `${id}: ${title}`,
    facts: {
      file: fileId,
      key,
      columns: entries.map(({ column }) => column).join(', '),
      owner: contract.about.owner ?? 'nobody',
      reason,
    },
    next: `headgate query "SELECT * FROM headgate.schema_changes WHERE dataset = '${id}'"`,
  };
}

function told(
  contract: Dataset,
  key: string,
  entries: readonly DriftEntry[],
): { readonly title: string; readonly reason: string } {
  const { file } = contract.contract;
  const types = entries.filter((entry) => entry.effect === 'widened');
  if (types.length > 0)
    return {
      title: `values of ${key} did not fit their columns, which were widened: ${types.map(({ column, type }) => `${column} to ${typeText(type)}`).join(', ')}`,
      reason: `drift.retyped is evolve; name the types in ${file}: the table can't go back to narrower ones`,
    };
  const isPersonal = contract.columns.some(({ pii }) => pii !== undefined);
  const what =
    entries[0]?.effect === 'refused'
      ? 'rows that hold a value there are refused (value.unexpected)'
      : isPersonal
        ? 'added to the table as tokens, because nobody has said whether they are personal'
        : 'added to the table as text';
  return {
    title: `${key} brought columns that the contract does not know: ${entries.map(({ column }) => column).join(', ')}`,
    reason: `${what}; declare them in ${file}, or set drift.addedColumn`,
  };
}
