import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { type LeaveOut, readAll, readContracts, readEntities } from '../lib/adapters/local/contracts.ts';
import { duckDbQueryEngine } from '../lib/adapters/local/duckdb-query-engine.ts';
import { type Lake, openLake, scratchOf } from '../lib/adapters/local/lake.ts';
import { all, lineNotifier, webhookNotifier } from '../lib/adapters/local/notifiers.ts';
import { sparkSubmit } from '../lib/adapters/local/spark-submit.ts';
import { runStateMachine } from '../lib/adapters/local/state-machine.ts';
import { type Entity, entityId } from '../lib/contract/entity.ts';
import type { Contracts } from '../lib/contract/parse.ts';
import { TerminalError } from '../lib/errors.ts';
import { DUCKDB_UNLESS_ASKED, type EnginePolicy } from '../lib/plan/engine-choice.ts';
import type { TableName } from '../lib/ports/catalog.ts';
import type { ObjectStore } from '../lib/ports/object-store.ts';
import type { QueryEngine } from '../lib/ports/query-engine.ts';
import { ledgerTables } from '../lib/reports/ledger-tables.ts';
import { type Mart, parseMart } from '../lib/reports/marts.ts';
import { environment } from './environment.ts';
import { say } from './say.ts';

interface GlobalOptions {
  readonly home: string;
  readonly contracts: string;
  readonly marts: string;
  /** A deployed stage instead of the lake on this machine. */
  readonly env?: string;
}

export const globals = (command: Command): GlobalOptions => command.optsWithGlobals<GlobalOptions>();

/** Milliseconds that a landed file has not changed for: `scp` and `cp` over a slow line write several times in each. */
export const SETTLE_MS = 1000;

interface Stage {
  readonly lake: Lake;
  readonly start: (dataset: string) => Promise<void>;
  readonly queryEngine: QueryEngine;
}

/** The deployed stage that this command line talks to; undefined on this machine. */
let stage: Stage | undefined;

/** Commands that act on folders and processes of this machine. */
const LOCAL = ['demo', 'run', 'up', 'tables', 'compact', 'retention', 'init', 'match'];

/** Commands that only show what is there: a wrong contract stops every load, not the look at what was loaded before. */
const READING = [
  'arrivals',
  'dictionary',
  'explain',
  'files',
  'hold list',
  'hold show',
  'quarantine export',
  'quarantine list',
  'quarantine show',
  'query',
  'runs',
  'runs compare',
  'runs show',
  'status',
];

/** `quarantine list` */
const pathOf = (command: Command): string =>
  [command.parent, command].flatMap((each) => (each?.parent ? [each.name()] : [])).join(' ');

const leaveOutOf = (command: Command): LeaveOut | undefined =>
  READING.includes(pathOf(command))
    ? ({ message }) => say(`left out here; what changes anything is refused until it is mended:\n${message}`)
    : undefined;

/** Datasets and entities, without a look at the lake. */
export const contractsOf = (command: Command): Contracts =>
  readAll(globals(command).contracts, leaveOutOf(command));

/** Looks the stage of `--env` up before a command acts. @throws TerminalError where there is none, or the command works here only */
export async function prepare(command: Command): Promise<void> {
  const { env, contracts } = globals(command);
  if (env === undefined) return;
  for (let each: Command | null = command; each !== null; each = each.parent) {
    if (LOCAL.includes(each.name()))
      throw new TerminalError(
        `${each.name()} works on this machine; in ${env} files are taken in as they land in its bucket: leave --env out`,
        { fault: 'source' },
      );
  }
  // Only here: the SDK takes longer to load than most commands to answer.
  const { landingOf, queryEngineOf, servicesOf, starterOf } = await import('../lib/adapters/aws/lake.ts');
  const { settingsOfStage } = await import('../lib/adapters/aws/stage-settings.ts');
  const { workgroupOf } = await import('../lib/adapters/aws/settings.ts');
  const settings = await settingsOfStage(env);
  const execute = () =>
    Promise.reject(new TerminalError('plans are executed in the stage', { fault: 'headgate' }));
  const services = servicesOf(settings, readContracts(contracts, leaveOutOf(command)), () => ({ execute }));
  stage = {
    lake: { ...services, home: `stage ${env}`, landing: landingOf(settings) },
    start: starterOf(settings),
    queryEngine: queryEngineOf({ workgroup: workgroupOf(settings, environment.team) }),
  };
}

/** Works until nothing of the dataset is pending; in a stage it starts that and does not wait. */
export const startWork = (lake: Lake, dataset: string): Promise<void> =>
  stage === undefined ? runStateMachine(lake, dataset) : stage.start(dataset);

export function lakeOf(command: Command, engine?: string): Lake {
  if (stage !== undefined) return stage.lake;
  const { home, contracts } = globals(command);
  const { webhook, memory, sparkMemory } = environment;
  const lines = lineNotifier(say);
  return openLake({
    home,
    contracts,
    leaveOut: leaveOutOf(command),
    notifier: webhook === undefined ? lines : all(lines, webhookNotifier(webhook, say)),
    ...(memory === undefined ? {} : { memory }),
    enginePolicy: enginePolicy(engine),
    settleMs: SETTLE_MS,
    spark: sparkSubmit({
      environment: environment.spark,
      scripts: join(import.meta.dirname, '../glue-scripts'),
      scratch: scratchOf(home),
      log: environment.debug ? say : () => {},
      ...(sparkMemory === undefined ? {} : { memory: sparkMemory }),
    }),
  });
}

/** The contracts as they are now, for what goes on for long. @throws ContractError when any of them is wrong */
export const datasetsOf = (command: Command): Lake['datasets'] => readContracts(globals(command).contracts);

/** @throws TerminalError for an engine or a number of bytes that is none */
function enginePolicy(engine: string | undefined): EnginePolicy {
  if (engine !== undefined && engine !== 'auto' && engine !== 'duckdb' && engine !== 'spark')
    throw new TerminalError(`there is no engine ${engine}; allowed: auto, duckdb, spark`, {
      fault: 'contract',
    });
  const text = environment.sparkFromBytes;
  if (text !== undefined && !/^[0-9]+$/.test(text))
    throw new TerminalError(
      `HEADGATE_SPARK_FROM_BYTES is ${JSON.stringify(text)}; allowed: a whole number of bytes`,
      {
        fault: 'headgate',
      },
    );
  const { sparkFromBytes } = DUCKDB_UNLESS_ASKED;
  return {
    sparkFromBytes: text === undefined ? sparkFromBytes : Number(text),
    ...(engine === undefined || engine === 'auto' ? {} : { force: engine }),
  };
}

export function martsOf(command: Command): readonly Mart[] {
  const { marts } = globals(command);
  if (!existsSync(marts)) return [];
  const files = readdirSync(marts, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.sql'),
  );
  return files.sort().map((name) => parseMart(name, readFileSync(join(marts, name), 'utf8')));
}

/** The store that a table lies in. */
export const storeOf = ({ stores }: Lake, { database }: TableName): ObjectStore =>
  database.endsWith('_vault') ? stores.vault : stores.lake;

export function queryEngineOf(lake: Lake, marts: readonly Mart[], asOf?: Date): QueryEngine {
  if (stage !== undefined && asOf !== undefined) {
    throw new TerminalError(
      "with --env write FOR TIMESTAMP AS OF TIMESTAMP '…' behind the table instead of --as-of",
      {
        fault: 'source',
      },
    );
  }
  if (stage !== undefined) return stage.queryEngine;
  return duckDbQueryEngine({
    catalog: lake.catalog,
    storeOf: (table) => storeOf(lake, table),
    marts,
    ledgerTables: ledgerTables(lake),
    scratch: scratchOf(lake.home),
    ...(environment.memory === undefined ? {} : { memory: environment.memory }),
    ...(asOf === undefined ? {} : { asOf }),
  });
}

/** Tables as a snapshot held them. The ledger's tables and marts are not asked here. */
export const queryEngineAt = (lake: Lake, { id, time }: { readonly id: string; readonly time: Date }) =>
  stage === undefined
    ? { engine: queryEngineOf(lake, [], time), version: '' }
    : { engine: stage.queryEngine, version: ` FOR VERSION AS OF ${id}` };

/** @throws TerminalError for an entity that no contract describes */
export function entitiesOf(command: Command, id: string | undefined): readonly Entity[] {
  const entities = readEntities(globals(command).contracts);
  const chosen = entities.filter((entity) => id === undefined || entityId(entity) === id);
  if (chosen.length > 0 || id === undefined) return chosen;
  throw new TerminalError(
    `there is no entity ${id}; allowed: ${entities.map(entityId).join(', ') || 'none'}`,
    {
      fault: 'contract',
    },
  );
}
