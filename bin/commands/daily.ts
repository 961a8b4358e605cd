import type { Command } from 'commander';
import { makeMissingTables } from '../../lib/pipeline/work.ts';
import { dailyLook, oddResults } from '../../lib/quality/daily.ts';
import { findingsOf } from '../../lib/reports/marts.ts';
import { EXIT } from '../exit-codes.ts';
import { lakeOf, martsOf, queryEngineOf } from '../lake.ts';
import { printTable } from '../table.ts';

export function addDaily(program: Command): void {
  program
    .command('daily')
    .description(
      'look at yesterday, as the zone of each contract has it, once: rules over what was written, ledger against tables, arrivals, volumes, marts',
    )
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExample:\n  headgate daily\n\nA stage does it by itself after midnight of each zone. Results stay in headgate.check_results.',
    )
    .action(async ({ json }: { json?: boolean }, command: Command) => {
      const lake = lakeOf(command);
      const marts = martsOf(command);
      await makeMissingTables(lake);
      const queryEngine = queryEngineOf(lake, marts);
      const { entries, failed } = await dailyLook({ ...lake, queryEngine, findings: findingsOf(marts) });
      const rows = entries.flatMap((entry) =>
        oddResults(entry).map(({ check, outcome, value, message }) => [
          entry.dataset,
          entry.day,
          check,
          outcome,
          value,
          message ?? '',
        ]),
      );
      printTable(['dataset', 'day', 'check', 'outcome', 'value', 'message'], rows, {
        json,
        empty:
          entries.length === 0
            ? 'yesterday has been looked at: headgate.check_results'
            : 'nothing to look at',
      });
      const [first] = failed;
      if (first !== undefined) throw first.error;
      if (rows.length > 0) process.exitCode = EXIT.attention;
    });
}
