import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { readContracts } from '../lib/adapters/local/contracts.ts';
import { duckDbQueryEngine } from '../lib/adapters/local/duckdb-query-engine.ts';
import { type Lake, openLake } from '../lib/adapters/local/lake.ts';
import { all, lineNotifier, webhookNotifier } from '../lib/adapters/local/notifiers.ts';
import { runStateMachine } from '../lib/adapters/local/state-machine.ts';
import { TerminalError } from '../lib/errors.ts';
import type { QueryEngine } from '../lib/ports/query-engine.ts';
import { ledgerTables } from '../lib/reports/ledger-tables.ts';
import { type Mart, parseMart } from '../lib/reports/marts.ts';
import { environment } from './environment.ts';

interface GlobalOptions {
  readonly home: string;
  readonly contracts: string;
  readonly marts: string;
  /** A deployed stage instead of the lake on this machine. */
  readonly env?: string;
}

export const globals = (command: Command): GlobalOptions => command.optsWithGlobals<GlobalOptions>();

/** Progress and notices go to the error stream: the output stays what the command was asked for. */
const progress = (line: string): void => console.error(line);

export interface OpenLake extends Lake {
  /** Works until nothing of the dataset is pending; on AWS it starts that and does not wait. */
  readonly start: (dataset: string) => Promise<void>;
  readonly queryEngine: (marts: readonly Mart[]) => QueryEngine;
}

/** The lake on this machine, or with `--env` the deployed stage of that name. */
export async function lakeOf(command: Command): Promise<OpenLake> {
  const { env } = globals(command);
  return env === undefined ? localLake(command) : deployedLake(command, env);
}

/** @throws TerminalError with `--env`: there files are taken in as they land */
export function localLake(command: Command): OpenLake {
  const { home, contracts, env } = globals(command);
  if (env !== undefined) {
    throw new TerminalError(
      `${command.name()} works on this machine; in ${env} files are taken in as they land in its bucket: leave --env out`,
      { fault: 'source' },
    );
  }
  const { webhook, memory } = environment;
  const lines = lineNotifier(progress);
  const lake = openLake({
    home,
    contracts,
    notifier: webhook === undefined ? lines : all(lines, webhookNotifier(webhook, progress)),
    ...(memory === undefined ? {} : { memory }),
  });
  return {
    ...lake,
    start: (dataset) => runStateMachine(lake, dataset),
    queryEngine: (marts) =>
      duckDbQueryEngine({
        catalog: lake.catalog,
        storeOf: ({ database }) => (database.endsWith('_vault') ? lake.stores.vault : lake.stores.lake),
        marts,
        ledgerTables: ledgerTables(lake.ledger),
      }),
  };
}

async function deployedLake(command: Command, env: string): Promise<OpenLake> {
  // Only here: the SDK takes longer to load than most commands to answer.
  const { landingOf, queryEngineOf, servicesOf, starterOf } = await import('../lib/adapters/aws/lake.ts');
  const { settingsOfStage } = await import('../lib/adapters/aws/stage-settings.ts');
  const settings = await settingsOfStage(env);
  const noEngine = () =>
    Promise.reject(new TerminalError('plans are executed in the stage', { fault: 'headgate' }));
  const services = servicesOf(settings, readContracts(globals(command).contracts), () => ({
    name: 'duckdb',
    execute: noEngine,
  }));
  return {
    ...services,
    home: `stage ${env}`,
    landing: landingOf(settings),
    start: starterOf(settings),
    queryEngine: () => queryEngineOf(settings),
  };
}

export function martsOf(command: Command): readonly Mart[] {
  const { marts } = globals(command);
  const files = readdirSync(marts, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.sql'),
  );
  return files.sort().map((name) => parseMart(name, readFileSync(join(marts, name), 'utf8')));
}
