import { type Dataset, datasetId } from '../contract/dataset.ts';
import { takesDrift, withDrift } from '../contract/drift.ts';
import { TerminalError } from '../errors.ts';
import type { FileProfile } from '../formats/profile.ts';
import { driftOf, driftWrite } from '../ledger/drift.ts';
import type { DriftEntry, FileEntry } from '../ledger/entries.ts';
import { holds, type Lock } from '../ledger/locks.ts';
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
  readonly added: readonly DriftEntry[];
}

/** Decides without acting. Columns known from earlier files stay in the dataset, so that a batch without them leaves the table as it is. */
export async function driftedBatch(
  services: Services,
  contract: Dataset,
  files: readonly FileEntry[],
): Promise<DriftedBatch> {
  if (!takesDrift(contract)) return { dataset: contract, added: [] };
  const known = await driftOf(services.ledger, datasetId(contract));
  const names = new Set(
    [...known, ...contract.columns.map(({ name: column }) => ({ column }))].map(({ column }) => column),
  );
  const at = services.clock.now().toISOString();
  const added = new Map<string, DriftEntry>();
  for (const file of files) {
    const header = (file.profile as FileProfile).header ?? [];
    for (const [index, column] of file.fields.entries()) {
      if (column === null || names.has(column) || added.has(column)) continue;
      const effect = contract.drift.addedColumn === 'evolve' ? 'added' : 'refused';
      added.set(column, {
        dataset: datasetId(contract),
        column,
        sourceName: header[index] ?? column,
        effect,
        fileId: file.fileId,
        key: file.key,
        at,
      });
    }
  }
  const typed = await typedInTable(services, contract);
  const usable = [...known, ...added.values()].map(({ column }) => column).filter((name) => !typed.has(name));
  return { dataset: withDrift(contract, usable), added: [...added.values()] };
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

/** Tells the owner and records which file brought the columns. Dying in between tells again. */
export async function recordDrift(
  services: Services,
  contract: Dataset,
  added: readonly DriftEntry[],
  lock: Lock,
): Promise<void> {
  for (const [fileId, columns] of Map.groupBy(added, (entry) => entry.fileId))
    await services.notifier.notify(noticeOf(contract, fileId, columns));
  for (const entry of added) {
    if ((await services.ledger.transact([holds(lock), driftWrite(entry)])) === 'done') continue;
    throw new TerminalError(`the lock of ${entry.dataset} went to another run`, { fault: 'headgate' });
  }
}

function noticeOf(contract: Dataset, fileId: string, entries: readonly DriftEntry[]): Notice {
  const columns = entries.map(({ column }) => column).join(', ');
  const { key = '', effect } = entries[0] ?? {};
  const what =
    effect === 'added'
      ? contract.columns.some(({ pii }) => pii !== undefined)
        ? 'added to the table as tokens, because nobody has said whether they are personal'
        : 'added to the table as text'
      : 'rows that hold a value there are refused (value.unexpected)';
  return {
    kind: 'schema.changed',
    dataset: datasetId(contract),
    title: `${datasetId(contract)}: ${key} brought columns that the contract does not know: ${columns}`,
    facts: {
      file: fileId,
      key,
      columns,
      owner: contract.owner ?? 'nobody',
      reason: `${what}; declare them in ${contract.contract.file}, or set drift.addedColumn`,
    },
    next: `headgate query "SELECT * FROM headgate.schema_changes WHERE dataset = '${datasetId(contract)}'"`,
  };
}
