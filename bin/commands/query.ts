import type { Command } from 'commander';
import { TerminalError } from '../../lib/errors.ts';
import { lakeOf, martsOf, queryEngineOf } from '../lake.ts';
import { printTable } from '../table.ts';

export function addQuery(program: Command): void {
  program
    .command('query <sql>')
    .description(
      'ask in Athena’s SQL; tables are <domain>.<name>, marts <domain>_marts.<mart>, the ledger headgate.files, headgate.runs and headgate.arrivals',
    )
    .option('--as-of <time>', 'tables as they were then, such as 2026-11-21T08:00:00Z')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  headgate query "SELECT * FROM payments_marts.refunds_monthly"')
    .action(async (sql: string, { json, asOf }: { json?: boolean; asOf?: string }, command: Command) => {
      const time = asOf === undefined ? undefined : timeOf(asOf);
      const { columns, rows } = await queryEngineOf(lakeOf(command), martsOf(command), time).query(sql);
      printTable(
        columns.map(({ name }) => name),
        rows,
        { json, empty: 'no rows' },
      );
    });
}

function timeOf(text: string): Date {
  const time = new Date(text);
  if (!Number.isNaN(time.getTime())) return time;
  throw new TerminalError(`--as-of ${text} is no time; allowed: ISO 8601, such as 2026-11-21T08:00:00Z`, {
    fault: 'source',
  });
}
