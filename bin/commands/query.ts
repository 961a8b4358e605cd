import type { Command } from 'commander';
import { lakeOf, martsOf, queryEngineOf } from '../lake.ts';
import { printTable } from '../table.ts';

export function addQuery(program: Command): void {
  program
    .command('query <sql>')
    .description(
      'ask in Athena’s SQL; tables are <domain>.<name>, marts <domain>_marts.<mart>, the ledger headgate.files and headgate.runs',
    )
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  headgate query "SELECT * FROM payments_marts.refunds_monthly"')
    .action(async (sql: string, { json }: { json?: boolean }, command: Command) => {
      const { columns, rows } = await queryEngineOf(lakeOf(command), martsOf(command)).query(sql);
      printTable(
        columns.map(({ name }) => name),
        rows,
        { json, empty: 'no rows' },
      );
    });
}
