import { userInfo } from 'node:os';
import type { Command } from 'commander';
import type { Lake } from '../../lib/adapters/local/lake.ts';
import type { RunEntry } from '../../lib/ledger/entries.ts';
import { fileOf } from '../../lib/ledger/files.ts';
import { rejectHold, releaseHold } from '../../lib/pipeline/holds.ts';
import { replacementOf } from '../../lib/pipeline/notices.ts';
import { scoreText } from '../../lib/quality/score.ts';
import { allRuns } from '../../lib/reports/ledger-tables.ts';
import { confirm } from '../confirm.ts';
import { EXIT } from '../exit-codes.ts';
import { findRun } from '../find.ts';
import { lakeOf, startWork } from '../lake.ts';
import { say } from '../say.ts';
import { printTable } from '../table.ts';
import { addHoldShow } from './hold-show.ts';
import { printFiles } from './run.ts';

export function addHold(program: Command): void {
  const hold = program
    .command('hold')
    .description('batches that failed their quality gate and wait for a decision');
  hold
    .command('list')
    .description('the held batches')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  headgate hold list')
    .action(async ({ json }: { json?: boolean }, command: Command) => {
      const rows: (string | number)[][] = [];
      for await (const run of allRuns(lakeOf(command).ledger)) {
        if (run.state === 'held')
          rows.push([
            run.runId,
            run.dataset,
            run.files.length,
            run.quality === undefined ? '' : scoreText(run.quality),
            run.updatedAt,
            run.reasons.map(({ message }) => message).join('; '),
          ]);
      }
      printTable(['run', 'dataset', 'files', 'score', 'since', 'why'], rows, {
        json,
        empty: 'nothing is held',
      });
    });
  addHoldShow(hold);
  hold
    .command('release <run>')
    .description('publish the batch all the same')
    .option('--yes', 'do not ask')
    .addHelpText('after', '\nExample:\n  headgate hold release 20261121T042359123Z-1a2b3c')
    .action(async (id: string, { yes }: { yes?: boolean }, command: Command) => {
      const lake = lakeOf(command);
      const run = await findRun(lake.ledger, id);
      if (!(await agreed(run, 'published all the same', yes))) return;
      const wasHeld = run.state === 'held';
      await releaseHold(lake, run, userInfo().username);
      if (!wasHeld) say(`run ${id} is released already; what became of its files:`);
      await startWork(lake, run.dataset);
      process.exitCode = await outcomeOf(lake, run);
    });
  hold
    .command('reject <run>')
    .description('quarantine the files of the batch')
    .option('--yes', 'do not ask')
    .addHelpText('after', '\nExample:\n  headgate hold reject 20261121T042359123Z-1a2b3c')
    .action(async (id: string, { yes }: { yes?: boolean }, command: Command) => {
      const lake = lakeOf(command);
      const run = await findRun(lake.ledger, id);
      if (!(await agreed(run, 'quarantined as a whole', yes))) return;
      await rejectHold(lake, run, userInfo().username);
      console.log(`${run.files.length} files of ${run.dataset} are quarantined`);
      for (const next of replacementOf(run)) say(`  next: ${next}`);
    });
}

/** Prints what has become of a released batch. @returns the exit code */
async function outcomeOf({ ledger }: Lake, { dataset, files }: RunEntry): Promise<number> {
  // A corrected file of a replay is on record once it is published.
  const found = await Promise.all(files.map((fileId) => fileOf(ledger, dataset, fileId)));
  const entries = found.filter((file) => file !== undefined);
  printFiles(entries, false, 'its files wait for the next run');
  const looks = entries.some(({ state, counts }) => state === 'held' || counts.quarantined > 0);
  return looks ? EXIT.attention : EXIT.done;
}

/** Says what is decided and why it had to be, and asks. A run that does not wait is left to `lib/pipeline/holds.ts`: decided, or an error. */
async function agreed(run: RunEntry, fate: string, yes: boolean | undefined): Promise<boolean> {
  if (run.state !== 'held') return true;
  say(`${run.dataset}: ${run.files.length} files that were held are ${fate}`);
  for (const { message } of run.reasons) say(`  ${message}`);
  return confirm('do it?', yes);
}
