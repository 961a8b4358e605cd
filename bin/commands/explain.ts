import type { Command } from 'commander';
import { explainPending } from '../../lib/pipeline/plan-run.ts';
import { explain } from '../../lib/plan/explain.ts';
import { lakeOf } from '../lake.ts';

export function addExplain(program: Command): void {
  program
    .command('explain <dataset>')
    .description('the plan for what is pending, without acting')
    .option('--sql', 'with the statements that the engine executes')
    .option('--json', 'print the plan itself')
    .addHelpText('after', '\nExample:\n  headgate explain payments/transactions')
    .action(
      async (dataset: string, { json, sql = false }: { json?: boolean; sql?: boolean }, command: Command) => {
        const plan = await explainPending(lakeOf(command), dataset);
        console.log(
          json === true ? JSON.stringify(plan, null, 2) : explain(plan, { statements: sql }).join('\n'),
        );
      },
    );
}
