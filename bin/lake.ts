import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { duckDbQueryEngine } from '../lib/adapters/local/duckdb-query-engine.ts';
import { type Lake, openLake } from '../lib/adapters/local/lake.ts';
import { all, lineNotifier, webhookNotifier } from '../lib/adapters/local/notifiers.ts';
import type { QueryEngine } from '../lib/ports/query-engine.ts';
import { ledgerTables } from '../lib/reports/ledger-tables.ts';
import { type Mart, parseMart } from '../lib/reports/marts.ts';
import { environment } from './environment.ts';

interface GlobalOptions {
  readonly home: string;
  readonly contracts: string;
  readonly marts: string;
}

export const globals = (command: Command): GlobalOptions => command.optsWithGlobals<GlobalOptions>();

/** Progress and notices go to the error stream: the output stays what the command was asked for. */
const progress = (line: string): void => console.error(line);

export function lakeOf(command: Command): Lake {
  const { home, contracts } = globals(command);
  const { webhook, memory } = environment;
  const lines = lineNotifier(progress);
  return openLake({
    home,
    contracts,
    notifier: webhook === undefined ? lines : all(lines, webhookNotifier(webhook, progress)),
    ...(memory === undefined ? {} : { memory }),
  });
}

export function martsOf(command: Command): readonly Mart[] {
  const { marts } = globals(command);
  if (!existsSync(marts)) return [];
  const files = readdirSync(marts, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.sql'),
  );
  return files.sort().map((name) => parseMart(name, readFileSync(join(marts, name), 'utf8')));
}

export const queryEngineOf = (lake: Lake, marts: readonly Mart[]): QueryEngine =>
  duckDbQueryEngine({
    catalog: lake.catalog,
    storeOf: ({ database }) => (database.endsWith('_vault') ? lake.stores.vault : lake.stores.lake),
    marts,
    ledgerTables: ledgerTables(lake.ledger),
  });
