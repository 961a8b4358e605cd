import { TerminalError } from '../errors.ts';
import { refused } from '../intake/take-in.ts';
import type { FileEntry, RunEntry } from '../ledger/entries.ts';
import { filesOf, updateFiles } from '../ledger/files.ts';
import { saveRun } from '../ledger/runs.ts';
import type { Services } from './services.ts';

/** Lets a held batch through: its files go into the next run, and the quality gate does not count them. Repeating it changes nothing. */
export async function releaseHold(services: Services, run: RunEntry, by: string): Promise<void> {
  await decide(services, run, 'released', `released by ${by}`, (file) => ({
    ...file,
    state: 'admitted',
    reasons: [],
    waivedBy: by,
  }));
}

/** Refuses a held batch: its files are quarantined as a whole. Repeating it changes nothing. */
export async function rejectHold(services: Services, run: RunEntry, by: string): Promise<void> {
  const message = `${by} rejected the held batch ${run.runId}; send a corrected file`;
  await decide(services, run, 'rejected', `rejected by ${by}`, (file) =>
    refused({ ...file, reasons: [] }, 'file.rejected_on_hold', message),
  );
}

async function decide(
  services: Services,
  run: RunEntry,
  state: 'released' | 'rejected',
  why: string,
  change: (file: FileEntry) => FileEntry,
): Promise<void> {
  if (run.state === state) return;
  if (run.state !== 'held') {
    throw new TerminalError(
      `run ${run.runId} is ${run.state}, not held; headgate hold list shows the held ones`,
      { fault: 'source' },
    );
  }
  const files = await filesOf(services.ledger, run.dataset, run.files);
  // A decision that died half-way left the run held: the files that are still held are decided now.
  await updateFiles(
    services.ledger,
    files.filter((file) => file.state === 'held' && file.runId === run.runId).map(change),
  );
  const reasons = [...run.reasons, { code: `hold.${state}`, message: why }];
  await saveRun(
    services.ledger,
    { ...run, state, reasons, updatedAt: services.clock.now().toISOString() },
    [],
  );
}
