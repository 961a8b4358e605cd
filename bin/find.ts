import { TerminalError } from '../lib/errors.ts';
import { type FileEntry, partitions, type RunEntry } from '../lib/ledger/entries.ts';
import { fileOf } from '../lib/ledger/files.ts';
import type { Ledger } from '../lib/ports/ledger.ts';
import { allFiles, allRuns } from '../lib/reports/ledger-tables.ts';

/** A file by its id, or the newest one that landed under a key. @throws TerminalError where there is none */
export async function findFile(ledger: Ledger, name: string): Promise<FileEntry> {
  for (const { body } of await ledger.query<{ dataset: string }>({ partition: partitions.datasets })) {
    const file = await fileOf(ledger, body.dataset, name);
    if (file !== undefined) return file;
  }
  let newest: FileEntry | undefined;
  for await (const file of allFiles(ledger)) {
    if (file.key === name && file.state !== 'superseded' && file.receivedAt >= (newest?.receivedAt ?? ''))
      newest = file;
  }
  if (newest !== undefined) return newest;
  throw new TerminalError(`there is no file ${name}; headgate files lists them`, { fault: 'source' });
}

/** @throws TerminalError where no run has this id */
export async function findRun(ledger: Ledger, id: string): Promise<RunEntry> {
  for await (const run of allRuns(ledger)) if (run.runId === id) return run;
  throw new TerminalError(`there is no run ${id}; headgate runs lists them`, { fault: 'source' });
}
