import { TerminalError } from '../lib/errors.ts';
import { UNKNOWN_DATASET } from '../lib/intake/take-in.ts';
import { type FileEntry, partitions, type RunEntry } from '../lib/ledger/entries.ts';
import { knownDatasets } from '../lib/ledger/everything.ts';
import { fileOf } from '../lib/ledger/files.ts';
import type { Ledger } from '../lib/ports/ledger.ts';
import { allFiles } from '../lib/reports/ledger-tables.ts';

/** A file by its id, or the newest one that landed under a key. @throws TerminalError where there is none */
export async function findFile(ledger: Ledger, name: string): Promise<FileEntry> {
  for (const dataset of await knownDatasets(ledger)) {
    const file = await fileOf(ledger, dataset, name);
    if (file !== undefined) return file;
  }
  let newest: FileEntry | undefined;
  for await (const file of allFiles(ledger)) {
    if (file.key !== name || file.state === 'superseded') continue;
    if (newest === undefined || age(file) >= age(newest)) newest = file;
  }
  if (newest !== undefined) return newest;
  throw new TerminalError(`there is no file ${name}; headgate files lists them`, { fault: 'source' });
}

/** One object may have been refused as nobody's before somebody named its dataset. */
const age = ({ receivedAt, dataset }: FileEntry): string =>
  `${receivedAt} ${dataset === UNKNOWN_DATASET ? 0 : 1}`;

/** @throws TerminalError where no run has this id */
export async function findRun(ledger: Ledger, id: string): Promise<RunEntry> {
  for (const dataset of await knownDatasets(ledger)) {
    const run = await ledger.get<RunEntry>(partitions.runs(dataset), id);
    if (run !== undefined) return run.body;
  }
  throw new TerminalError(`there is no run ${id}; headgate runs lists them`, { fault: 'source' });
}
