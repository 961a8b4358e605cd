import type { Command } from 'commander';
import { runFacts } from '../../lib/pipeline/run-facts.ts';
import { compareRuns, type RunFacts } from '../../lib/reports/compare-runs.ts';
import { findRun } from '../find.ts';
import { lakeOf, queryEngineAt } from '../lake.ts';
import { say } from '../say.ts';
import { printTable } from '../table.ts';

export function addRunsCompare(runs: Command): void {
  runs
    .command('compare <good> <bad>')
    .description('in what a run differs from another, what matters most first')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExample:\n  headgate runs compare 20261120T042359123Z-1a2b3c 20261121T042359123Z-4d5e6f',
    )
    .action(async (good: string, bad: string, _options: unknown, command: Command) => {
      const lake = lakeOf(command);
      const facts: RunFacts[] = [];
      for (const id of [good, bad])
        facts.push(await runFacts(lake, await findRun(lake.ledger, id), (at) => queryEngineAt(lake, at)));
      for (const { run, columns } of facts)
        if (columns === undefined)
          say(`no rows of ${run.runId} can be read (it is ${run.state}): columns are not compared`);
      const [a, b] = facts as [RunFacts, RunFacts];
      printTable(
        ['area', 'what', 'good', 'bad', 'weight'],
        compareRuns(a, b).map((each) => [
          each.area,
          each.what,
          each.good,
          each.bad,
          Number(each.weight.toFixed(2)),
        ]),
        // The command above has an option of the same name, which takes the flag.
        { json: command.optsWithGlobals<{ json?: boolean }>().json, empty: 'they do not differ' },
      );
    });
}
