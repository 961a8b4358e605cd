import { cp, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';
import { lakeOf, martsOf, queryEngineOf } from '../lake.ts';
import { printTable } from '../table.ts';
import { printFiles, printProblems, takeIn } from './run.ts';

const SAMPLES = join(import.meta.dirname, '../../samples');

export function addDemo(program: Command): void {
  program
    .command('demo')
    .description('drop the samples into the landing folder and take them to tables')
    .addHelpText('after', '\nExample:\n  headgate demo')
    .action(async (_options: unknown, command: Command) => {
      const lake = lakeOf(command);
      await mkdir(lake.landing.root, { recursive: true });
      await cp(SAMPLES, lake.landing.root, {
        recursive: true,
        preserveTimestamps: true,
        filter: (path) => !path.endsWith('.md'),
      });
      console.log(`samples/ dropped into ${lake.landing.root}`);
      const taken = await takeIn(lake, {});
      const { entries, report, exitCode } = taken;
      console.log();
      printFiles(entries, false, 'no samples');
      printProblems(taken);
      if (report.files.every(({ file, isNew }) => !isNew || file.state === 'duplicate')) {
        console.log(`\nall ${entries.length} files are already known; no table changed`);
      }
      const { columns, rows } = await queryEngineOf(lake, martsOf(command)).query(
        'SELECT * FROM payments_marts.refunds_monthly',
      );
      console.log('\nrefunds per customer and month (sql/payments/refunds_monthly.sql)');
      printTable(
        columns.map(({ name }) => name),
        rows,
        { empty: 'no refunds' },
      );
      console.log('\ntry next:');
      for (const next of [
        'npx headgate quarantine list',
        'npx headgate explain payments/transactions',
        'npx headgate query "SELECT * FROM retail_marts.cancellations_monthly"',
      ]) {
        console.log(`  ${next}`);
      }
      // What the samples are made to have refused is no failure of the demo.
      process.exitCode = exitCode === 1 ? 1 : 0;
    });
}
