import type { Command } from 'commander';
import { ATHENA_PRICE, athenaQuery } from '../../lib/cost/cost.ts';
import { TerminalError } from '../../lib/errors.ts';
import { QUERY_LIMITS } from '../../lib/formats/limits.ts';
import { queryCost } from '../../lib/reports/query-cost.ts';
import { lakeOf, martsOf, queryEngineOf, storeOf } from '../lake.ts';
import { secondsOption, timeOption } from '../options.ts';
import { say } from '../say.ts';
import { printTable } from '../table.ts';

interface Options {
  readonly json?: boolean;
  readonly asOf?: Date;
  readonly explain?: boolean;
  readonly timeout: number;
}

export function addQuery(program: Command): void {
  program
    .command('query <sql>')
    .description(
      'ask in Athena’s SQL; tables are <domain>.<name>, marts <domain>_marts.<mart>, the ledger headgate.files, runs, check_results, arrivals and schema_changes',
    )
    .option('--as-of <time>', 'tables as they were then, such as 2026-11-21T08:00:00Z', timeOption)
    .option('--explain', 'do not run it: how much it reads at most, and what Athena takes for that')
    .option('--timeout <seconds>', 'stop it after so long', secondsOption, QUERY_LIMITS.seconds)
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExample:\n  headgate query "SELECT * FROM payments_marts.refunds_monthly"\n\nTimes are those of UTC, on any machine; where a mart has others, the head of its file says so.',
    )
    .action(async (sql: string, { json, asOf, explain, timeout }: Options, command: Command) => {
      if (explain === true) return explainQuery(sql, json, command);
      const engine = queryEngineOf(lakeOf(command), martsOf(command), asOf);
      const answer = await interruptible((signal) => engine.query(sql, { seconds: timeout, signal }));
      printTable(
        answer.columns.map(({ name }) => name),
        answer.rows,
        { json, empty: 'no rows' },
      );
      if (answer.bytesScanned !== undefined)
        say(
          `${answer.bytesScanned} bytes scanned, ${usd(athenaQuery(answer.bytesScanned))} USD; ${ATHENA_PRICE}`,
        );
    });
}

/**
 * The first Ctrl-C stops the query, in a stage also there. What DuckDB can't interrupt would keep the process after it has said why it failed:
 * then the signal that ends it is sent by ourselves.
 */
async function interruptible<T>(ask: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const stop = new AbortController();
  const giveUp = () => stop.abort(new TerminalError('the query was stopped', { fault: 'source' }));
  process.on('SIGINT', giveUp);
  try {
    return await ask(stop.signal);
  } catch (error) {
    const signal = stop.signal.aborted ? 'SIGINT' : 'SIGTERM';
    setTimeout(() => process.kill(process.pid, signal), LINGERS_MS).unref();
    throw error;
  } finally {
    process.removeListener('SIGINT', giveUp);
  }
}

const LINGERS_MS = 500;

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
