import type { Command } from 'commander';
import type { RunEntry } from '../../lib/ledger/entries.ts';
import { allRuns } from '../../lib/reports/ledger-tables.ts';
import { findRun } from '../find.ts';
import { lakeOf } from '../lake.ts';
import { printTable } from '../table.ts';
import { addRunsCompare } from './runs-compare.ts';

export function addRuns(program: Command): void {
  const runs = program
    .command('runs')
    .description('the runs, newest last')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  headgate runs')
    .action(async ({ json }: { json?: boolean }, command: Command) => {
      const list: RunEntry[] = [];
      for await (const run of allRuns(lakeOf(command).ledger)) list.push(run);
      list.sort((a, b) => (a.runId < b.runId ? -1 : 1));
      const rows = list.map((run) => [
        run.runId,
        run.dataset,
        run.state,
        run.files.length,
        run.counts?.received ?? 0,
        run.counts?.published ?? 0,
        run.counts?.quarantined ?? 0,
        run.counts?.deduplicated ?? 0,
        run.reasons.map(({ message }) => message).join('; '),
      ]);
      printTable(
        ['run', 'dataset', 'state', 'files', 'received', 'published', 'quarantined', 'deduplicated', 'why'],
        rows,
        { json, empty: 'no runs yet' },
      );
    });
  addRunsCompare(runs);
  runs
    .command('show <id>')
    .description('everything about one run')
    .addHelpText('after', '\nExample:\n  headgate runs show 20261121T042359123Z-1a2b3c')
    .action(async (id: string, _options: unknown, command: Command) => {
      console.log(JSON.stringify(await findRun(lakeOf(command).ledger, id), null, 2));
    });
}
