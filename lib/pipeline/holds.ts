import { TerminalError } from '../errors.ts';
import { refused } from '../intake/judge.ts';
import type { FileEntry, ReplayEntry, RunEntry } from '../ledger/entries.ts';
import { changeFiles } from '../ledger/files.ts';
import { replayWrites } from '../ledger/replays.ts';
import { runItem, saveRun } from '../ledger/runs.ts';
import { replayOfRun } from './batch.ts';
import type { Services } from './services.ts';

type Deciding = 'releasing' | 'rejecting';

/** Lets a held batch through: its files go into the next run, and the quality gate does not count them. Repeating it changes nothing. */
export const releaseHold = (services: Services, run: RunEntry, by: string): Promise<void> =>
  decide(services, run, 'releasing', by);

/** Refuses a held batch: its files are quarantined as a whole, with what the gate found; a replay leaves everything as it was. Repeating it changes nothing. */
export const rejectHold = (services: Services, run: RunEntry, by: string): Promise<void> =>
  decide(services, run, 'rejecting', by);

/** The decision is taken by one conditional write; what follows from it can be finished by anybody. */
async function decide(services: Services, run: RunEntry, state: Deciding, by: string): Promise<void> {
  const { ledger, clock } = services;
  const { body, version } = await runItem(ledger, run.dataset, run.runId);
  const decided = state === 'releasing' ? 'released' : 'rejected';
  if (body.state === decided) return;
  if (body.state === state) return finishDecision(services, body);
  if (body.state !== 'held') {
    throw new TerminalError(
      `run ${run.runId} is ${body.state}, not held; headgate hold list shows the held ones`,
      { fault: 'source' },
    );
  }
  const reasons = [...body.reasons, { code: `hold.${decided}`, message: `${decided} by ${by}` }];
  const deciding: RunEntry = { ...body, state, decidedBy: by, reasons, updatedAt: clock.now().toISOString() };
  await saveRun(ledger, deciding, [], version);
  await finishDecision(services, deciding);
}

/** What a decision does to the files or the replay of its run. */
export async function finishDecision(services: Services, run: RunEntry): Promise<void> {
  const { ledger, clock } = services;
  const by = run.decidedBy ?? '';
  const { body, version } = await runItem(ledger, run.dataset, run.runId);
  if (body.state !== 'releasing' && body.state !== 'rejecting') return;
  const released = body.state === 'releasing';
  const replay = await replayOfRun(services, run);
  if (replay === undefined) {
    const change = released ? releaseFile(by) : rejectFile(by, run);
    await changeFiles(ledger, run.dataset, run.files, (file) =>
      file.state === 'held' && file.runId === run.runId ? change(file) : undefined,
    );
  } else if (replay.state === 'held') {
    await ledger.transact(replayWrites(decidedReplay(replay, released, by)));
  }
  const state = released ? 'released' : 'rejected';
  await saveRun(ledger, { ...body, state, updatedAt: clock.now().toISOString() }, [], version);
}

const releaseFile =
  (by: string) =>
  (file: FileEntry): FileEntry => ({ ...file, state: 'admitted', reasons: [], waivedBy: by });

const rejectFile =
  (by: string, run: RunEntry) =>
  (file: FileEntry): FileEntry =>
    refused(
      file,
      'file.rejected_on_hold',
      `${by} rejected the held batch ${run.runId}; send a corrected file`,
    );

const decidedReplay = (replay: ReplayEntry, released: boolean, by: string): ReplayEntry =>
  released
    ? { ...replay, state: 'open', waivedBy: by }
    : {
        ...replay,
        state: 'refused',
        reasons: [
          ...replay.reasons,
          { code: 'replay.rejected', message: `rejected by ${by}; nothing changed` },
        ],
      };
