import { userInfo } from 'node:os';
import type { Command } from 'commander';
import { TerminalError } from '../../lib/errors.ts';
import { filesOf } from '../../lib/ledger/files.ts';
import { rejectHold, releaseHold } from '../../lib/pipeline/holds.ts';
import { scoreText } from '../../lib/quality/score.ts';
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
  hold
    .command('show <run>')
    .description(
      'a batch that was held: its quality score, the checks that fail, its files and where they are kept',
    )
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  headgate hold show 20261121T042359123Z-1a2b3c')
    .action(async (id: string, { json }: { json?: boolean }, command: Command) => {
      const { ledger } = lakeOf(command);
      const run = await findRun(ledger, id);
      if (run.quality === undefined)
        throw new TerminalError(`run ${id} was not held; headgate hold list shows the held ones`, {
          fault: 'source',
        });
      const files = await filesOf(ledger, run.dataset, run.files);
      const { score, received, failing } = run.quality;
      if (json) {
        const kept = files.map(({ fileId, key, state, rawKey }) => ({
          file: fileId,
          key,
          state,
          kept: rawKey,
        }));
        const { runId, dataset, state, reasons } = run;
        console.log(
          JSON.stringify(
            { run: runId, dataset, state, score, received, failing, reasons, files: kept },
            null,
            2,
          ),
        );
        return;
      }
      console.log(`${run.dataset}: run ${run.runId} is ${run.state}`);
      for (const { message } of run.reasons) console.log(`  ${message}`);
      console.log(`quality score ${scoreText(run.quality)} of ${received} records`);
      printTable(['check', 'failing'], Object.entries(failing), { empty: 'no check fails' });
      printTable(
        ['file', 'status', 'kept in raw as'],
        files.map(({ key, state, rawKey }) => [key, state, rawKey]),
        { empty: 'no files' },
      );
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
