import { userInfo } from 'node:os';
import type { Command } from 'commander';
import { rejectHold, releaseHold } from '../../lib/pipeline/holds.ts';
import { allRuns } from '../../lib/reports/ledger-tables.ts';
import { findRun } from '../find.ts';
import { lakeOf, startWork } from '../lake.ts';
import { printTable } from '../table.ts';

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
            run.updatedAt,
            run.reasons.map(({ message }) => message).join('; '),
          ]);
      }
      printTable(['run', 'dataset', 'files', 'since', 'why'], rows, { json, empty: 'nothing is held' });
    });
  hold
    .command('release <run>')
    .description('publish the batch all the same')
    .addHelpText('after', '\nExample:\n  headgate hold release 20261121T042359123Z-1a2b3c')
    .action(async (id: string, _options: unknown, command: Command) => {
      const lake = lakeOf(command);
      const run = await findRun(lake.ledger, id);
      await releaseHold(lake, run, userInfo().username);
      await startWork(lake, run.dataset);
    });
  hold
    .command('reject <run>')
    .description('quarantine the files of the batch')
    .addHelpText('after', '\nExample:\n  headgate hold reject 20261121T042359123Z-1a2b3c')
    .action(async (id: string, _options: unknown, command: Command) => {
      const lake = lakeOf(command);
      const run = await findRun(lake.ledger, id);
      await rejectHold(lake, run, userInfo().username);
      console.log(`${run.files.length} files of ${run.dataset} are quarantined`);
    });
}
