import type { Command } from 'commander';
import { ATHENA_PRICE, athenaQuery } from '../../lib/cost/cost.ts';
import { TerminalError } from '../../lib/errors.ts';
import { queryCost } from '../../lib/reports/query-cost.ts';
import { lakeOf, martsOf, queryEngineOf, storeOf } from '../lake.ts';
import { printTable } from '../table.ts';

interface Options {
  readonly json?: boolean;
  readonly asOf?: string;
  readonly explain?: boolean;
}

export function addQuery(program: Command): void {
  program
    .command('query <sql>')
    .description(
      'ask in Athena’s SQL; tables are <domain>.<name>, marts <domain>_marts.<mart>, the ledger headgate.files, runs, check_results, arrivals and schema_changes',
    )
    .option('--as-of <time>', 'tables as they were then, such as 2026-11-21T08:00:00Z')
    .option('--explain', 'do not run it: how much it reads at most, and what Athena takes for that')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  headgate query "SELECT * FROM payments_marts.refunds_monthly"')
    .action(async (sql: string, { json, asOf, explain }: Options, command: Command) => {
      const time = asOf === undefined ? undefined : timeOf(asOf);
      if (explain === true) return explainQuery(sql, json, command);
      const answer = await queryEngineOf(lakeOf(command), martsOf(command), time).query(sql);
      printTable(
        answer.columns.map(({ name }) => name),
        answer.rows,
        { json, empty: 'no rows' },
      );
      if (answer.bytesScanned !== undefined)
        console.error(
          `${answer.bytesScanned} bytes scanned, ${usd(athenaQuery(answer.bytesScanned))} USD; ${ATHENA_PRICE}`,
        );
    });
}

async function explainQuery(sql: string, json: boolean | undefined, command: Command): Promise<void> {
  const lake = lakeOf(command);
  const cost = await queryCost(
    { catalog: lake.catalog, storeOf: (table) => storeOf(lake, table), marts: martsOf(command) },
    sql,
  );
  if (json === true) {
    console.log(JSON.stringify(cost, null, 2));
    return;
  }
  printTable(
    ['table', 'files', 'of', 'columns', 'of', 'bytes at most', 'of'],
    cost.tables.map((each) => [
      each.table,
      each.files,
      each.ofFiles,
      each.columns,
      each.ofColumns,
      each.bytes,
      each.ofBytes,
    ]),
    { empty: 'reads no table of the lake' },
  );
  console.log(`at most ${cost.bytes} bytes, ${usd(cost.usd)} USD in Athena; ${ATHENA_PRICE}`);
}

const usd = (amount: number): string => amount.toFixed(6);

function timeOf(text: string): Date {
  const time = new Date(text);
  if (!Number.isNaN(time.getTime())) return time;
  throw new TerminalError(`--as-of ${text} is no time; allowed: ISO 8601, such as 2026-11-21T08:00:00Z`, {
    fault: 'source',
  });
}
