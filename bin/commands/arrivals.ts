import type { Command } from 'commander';
import { type Arrival, arrivalsOf } from '../../lib/arrivals/arrivals.ts';
import { TerminalError } from '../../lib/errors.ts';
import { datasetOf } from '../../lib/pipeline/context.ts';
import { EXIT } from '../exit-codes.ts';
import { lakeOf } from '../lake.ts';
import { printTable } from '../table.ts';

interface Options {
  readonly dataset?: string;
  readonly days: string;
  readonly json?: boolean;
}

const COLUMNS = ['dataset', 'date', 'state', 'due', 'arrived', 'files', 'expected', 'received', 'lacks'];
const NEEDS_A_LOOK: readonly Arrival['state'][] = ['missing', 'incomplete'];

export function addArrivals(program: Command): void {
  program
    .command('arrivals')
    .description('which files were due, arrived, came late or are missing, and sets that wait')
    .option('--dataset <name>', 'only of this dataset')
    .option('--days <n>', 'how many days back', '14')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  headgate arrivals --dataset payments/transactions --days 30')
    .action(async ({ dataset, days, json }: Options, command: Command) => {
      const lake = lakeOf(command);
      const chosen = dataset === undefined ? lake.datasets : [datasetOf(lake, dataset)];
      if (!/^\d{1,4}$/.test(days))
        throw new TerminalError(`--days ${days} is no number of days; allowed: 0 to 9999`, {
          fault: 'source',
        });
      const found = await Promise.all(chosen.map((each) => arrivalsOf(lake, each, Number(days))));
      const arrivals = found.flat();
      const rows = arrivals.map((each) => [
        each.dataset,
        each.date,
        each.state,
        each.due?.toISOString() ?? '',
        each.arrivedAt?.toISOString() ?? '',
        each.files,
        each.expected ?? null,
        each.rows,
        each.lacks,
      ]);
      printTable(COLUMNS, rows, {
        json,
        empty: 'no contract says when files are due (ingestion.arrivals, or slaProperties frequency)',
      });
      if (arrivals.some(({ state }) => NEEDS_A_LOOK.includes(state))) process.exitCode = EXIT.attention;
    });
}
