import { userInfo } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { duckDbRewrite } from '../../lib/adapters/local/duckdb-rewrite.ts';
import { asExecution } from '../../lib/adapters/local/executions.ts';
import { type Lake, scratchOf } from '../../lib/adapters/local/lake.ts';
import { type Dataset, datasetId } from '../../lib/contract/dataset.ts';
import { type Entity, entityId } from '../../lib/contract/entity.ts';
import { TerminalError } from '../../lib/errors.ts';
import type { Lock } from '../../lib/ledger/locks.ts';
import { compactEntity, expireEntity, rollBackEntity } from '../../lib/matching/maintain.ts';
import { classifiedOf, type MatchTable, matchTable } from '../../lib/matching/tables.ts';
import { datasetOf, tablePorts } from '../../lib/pipeline/context.ts';
import {
  compactDataset,
  expireDataset,
  type Rewriter,
  type TableOf,
  withLock,
} from '../../lib/pipeline/maintain.ts';
import { applyRetention, explainRetention, isNothing, planRetention } from '../../lib/pipeline/retention.ts';
import { rollBack } from '../../lib/pipeline/rollback.ts';
import { classifiedColumns, tableOf } from '../../lib/plan/tables.ts';
import type { ObjectStore } from '../../lib/ports/object-store.ts';
import type { Compaction } from '../../lib/table/compact.ts';
import type { Expiry } from '../../lib/table/expire.ts';
import { type SnapshotInfo, snapshots } from '../../lib/table/snapshots.ts';
import { loadTable } from '../../lib/table/table.ts';
import { confirm } from '../confirm.ts';
import { environment } from '../environment.ts';
import { entitiesOf, lakeOf, queryEngineOf } from '../lake.ts';
import { say } from '../say.ts';
import { printTable } from '../table.ts';

export function addTables(program: Command): void {
  addSnapshots(program);
  addRollback(program);
  addCompact(program);
  addExpire(program);
  addRetention(program);
}

function addSnapshots(program: Command): void {
  program
    .command('snapshots <dataset>')
    .description('the states that a table has had, oldest first')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  headgate snapshots retail/sales')
    .action(async (id: string, { json }: { json?: boolean }, command: Command) => {
      const lake = lakeOf(command);
      const rows = (await snapshotsOf(lake, targetOf(command, lake, id))).map((each) => [
        each.id,
        each.time.toISOString(),
        each.operation,
        each.runId,
        each.rows,
        each.files,
        each.state,
      ]);
      printTable(['snapshot', 'time', 'operation', 'run', 'rows', 'files', 'state'], rows, {
        json,
        empty: 'nothing has been published yet',
      });
    });
}

function addRollback(program: Command): void {
  program
    .command('rollback <dataset>')
    .description(
      'make a table what it was; the files of the runs taken back are withdrawn and can be replayed',
    )
    .requiredOption('--to <snapshot>', 'as headgate snapshots names it, or none for the empty table')
    .option('--yes', 'do not ask')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  headgate rollback retail/sales --to 2643186543432')
    .action(async (id: string, options: { to: string; yes?: boolean; json?: boolean }, command: Command) => {
      const lake = lakeOf(command);
      const chosen = targetOf(command, lake, id);
      const known = await snapshotsOf(lake, chosen);
      const target = known.find((each) => each.id === options.to);
      if (target === undefined && options.to !== 'none') {
        const allowed = [...known.map((each) => each.id), 'none'].join(', ');
        throw new TerminalError(`${id} has no snapshot ${options.to}; allowed: ${allowed}`, {
          fault: 'source',
        });
      }
      const current = known.find(({ state }) => state === 'current');
      say(
        `${id} goes back from ${current?.rows ?? 0} rows to ${target?.rows ?? 0}, as of ${target?.time.toISOString() ?? 'before its first file'}; ${chosen.kind === 'entity' ? 'what people decided stays, and nothing is matched anew until a source, the contract or a decision changes' : 'files loaded since are withdrawn and can be replayed'}`,
      );
      if (!(await confirm('do it?', options.yes))) return;
      if (chosen.kind === 'entity') {
        const { entity } = chosen;
        const run = await asExecution((execution) =>
          withLock(lake, id, execution, (lock) => rollBackEntity(lake, { entity, lock }, target?.id ?? null)),
        );
        printTable(['run', 'change'], [[run.runId, 'rolled back']], { json: options.json, empty: '' });
        return;
      }
      const order = { dataset: id, to: target?.id ?? null, by: userInfo().username };
      const run = await asExecution((execution) =>
        withLock(lake, id, execution, (lock) => rollBack(lake, lock, order)),
      );
      printTable(
        ['run', 'change'],
        [
          ...(run.rollback?.withdrawn ?? []).map((each) => [each, 'withdrawn']),
          ...(run.rollback?.restored ?? []).map((each) => [each, 'restored']),
        ],
        { json: options.json, empty: 'no run was taken back' },
      );
    });
}

function addCompact(program: Command): void {
  program
    .command('compact [dataset]')
    .description('make few large files of many small ones; rows and history stay')
    .option('--yes', 'do not ask')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  headgate compact retail/sales')
    .action(async (id: string | undefined, options: { yes?: boolean; json?: boolean }, command: Command) => {
      const lake = lakeOf(command);
      const chosen = targetsOf(command, lake, id);
      say(`small files of ${chosen.map(({ id: each }) => each).join(', ')} are written again as larger ones`);
      if (!(await confirm('do it?', options.yes))) return;
      const rows: (string | number)[][] = [];
      for (const each of chosen) {
        const done = await whileIdle<readonly (Named & Compaction)[]>(lake, each, (lock) =>
          each.kind === 'entity'
            ? compactEntity(lake, { entity: each.entity, lock }, entityRewriterOf(lake, each.entity))
            : compactDataset(lake, each.dataset, rewriterOf(lake)),
        );
        for (const { table, filesBefore, filesAfter, rows: moved } of done)
          if (filesBefore > 0) rows.push([nameOf({ table }), filesBefore, filesAfter, moved]);
      }
      printTable(['table', 'files before', 'files after', 'rows'], rows, {
        json: options.json,
        empty: 'no table has enough small files',
      });
    });
}

const HOUR = 60 * 60 * 1000;

function addExpire(program: Command): void {
  program
    .command('expire [dataset]')
    .description('forget old snapshots and remove the files that nothing needs any more')
    .option('--grace <hours>', 'snapshots younger than this stay, and files that no snapshot names', '168')
    .option('--keep <n>', 'at least so many snapshots stay, whatever their age', '5')
    .option('--yes', 'do not ask')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  headgate expire retail/sales --grace 720')
    .action(async (id: string | undefined, options: ExpireOptions, command: Command) => {
      const lake = lakeOf(command);
      const order = {
        grace: numberOf('--grace', options.grace) * HOUR,
        keep: numberOf('--keep', options.keep),
      };
      const chosen = targetsOf(command, lake, id);
      say(
        `snapshots of ${chosen.map(({ id: each }) => each).join(', ')} that are older than ${options.grace} hours are forgotten, the newest ${options.keep} excepted: no way back to them`,
      );
      if (!(await confirm('do it?', options.yes))) return;
      const rows: (string | number)[][] = [];
      for (const each of chosen) {
        const done = await whileIdle<readonly (Named & Expiry)[]>(lake, each, (lock) =>
          each.kind === 'entity'
            ? expireEntity(lake, { entity: each.entity, lock }, order)
            : expireDataset(lake, each.dataset, order),
        );
        for (const { table, snapshots: forgotten, files, bytes } of done)
          if (forgotten + files > 0) rows.push([nameOf({ table }), forgotten, files, bytes]);
      }
      printTable(['table', 'snapshots forgotten', 'files removed', 'bytes'], rows, {
        json: options.json,
        empty: 'nothing is old enough',
      });
    });
}

function addRetention(program: Command): void {
  program
    .command('retention [dataset]')
    .description('take out of the tables what contracts keep no longer; expire removes its files later')
    .option('--yes', 'do not ask')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  headgate retention payments/transactions')
    .action(async (id: string | undefined, options: { yes?: boolean; json?: boolean }, command: Command) => {
      const lake = lakeOf(command);
      const engine = queryEngineOf(lake, []);
      const chosen = id === undefined ? lake.datasets : [datasetOf(lake, id)];
      const planned = await Promise.all(chosen.map((dataset) => planRetention(lake, engine, dataset)));
      const plans = planned.filter((plan) => plan !== undefined && !isNothing(plan));
      for (const plan of plans) if (plan !== undefined) say(explainRetention(plan).join('\n'));
      if (plans.length > 0 && !(await confirm('do it?', options.yes))) return;
      const rows: (string | number)[][] = [];
      for (const plan of plans) {
        if (plan === undefined) continue;
        const dataset = datasetOf(lake, plan.dataset);
        // Planned again under the lock: a run may have come in between.
        const run = await asExecution((execution) =>
          withLock(lake, plan.dataset, execution, async (lock) => {
            const current = await planRetention(lake, engine, dataset);
            return current === undefined ? undefined : applyRetention(lake, lock, current);
          }),
        );
        const { before = plan.before, rows: left = 0, files = 0 } = run?.retention ?? {};
        rows.push([plan.dataset, before, left, files, run?.runId ?? '']);
      }
      printTable(['dataset', 'before', 'rows', 'files expired', 'run'], rows, {
        json: options.json,
        empty: 'nothing is past what the contracts keep',
      });
    });
}

interface ExpireOptions {
  readonly grace: string;
  readonly keep: string;
  readonly yes?: boolean;
  readonly json?: boolean;
}

function numberOf(option: string, text: string): number {
  const number = Number(text);
  if (Number.isFinite(number) && number > 0) return number;
  throw new TerminalError(`${option} ${text}: allowed are numbers above 0`, { fault: 'source' });
}

type Named = Pick<TableOf, 'table'>;

const nameOf = ({ table }: Named): string => `${table.database}.${table.name}`;

/** What these commands act on: the tables of a dataset, or those that `match run` makes of an entity. */
type Target = { readonly id: string } & (
  | { readonly kind: 'dataset'; readonly dataset: Dataset }
  | { readonly kind: 'entity'; readonly entity: Entity }
);

function targetsOf(command: Command, lake: Lake, id: string | undefined): readonly Target[] {
  if (id !== undefined) return [targetOf(command, lake, id)];
  return [
    ...lake.datasets.map((dataset) => ({ kind: 'dataset', id: datasetId(dataset), dataset }) as const),
    ...entitiesOf(command, undefined).map(
      (entity) => ({ kind: 'entity', id: entityId(entity), entity }) as const,
    ),
  ];
}

/** @throws TerminalError for a dataset or entity that no contract describes */
function targetOf(command: Command, lake: Lake, id: string): Target {
  const entity = entitiesOf(command, undefined).find((each) => entityId(each) === id);
  return entity === undefined
    ? { kind: 'dataset', id, dataset: datasetOf(lake, id) }
    : { kind: 'entity', id, entity };
}

const whileIdle = <T>(lake: Lake, { id }: Target, work: (lock: Lock) => Promise<T>): Promise<T> =>
  asExecution((execution) => withLock(lake, id, execution, work));

async function snapshotsOf(lake: Lake, target: Target): Promise<readonly SnapshotInfo[]> {
  const name =
    target.kind === 'entity' ? matchTable(target.entity, 'golden') : tableOf(target.dataset, 'curated');
  const table = await loadTable(tablePorts(lake, 'curated'), name);
  return table === undefined ? [] : snapshots(table);
}

const entityRewriterOf = (lake: Lake, entity: Entity) => (table: MatchTable) =>
  rewriteIn(lake, lake.stores.lake, classifiedOf(entity, table));

const rewriterOf =
  (lake: Lake): Rewriter =>
  (output, dataset) =>
  (work) =>
    rewriteIn(
      lake,
      output === 'vault' ? lake.stores.vault : lake.stores.lake,
      classifiedColumns(dataset, output, work.schema),
    )(work);

const rewriteIn = (lake: Lake, store: ObjectStore, classified: readonly string[]) =>
  duckDbRewrite({
    store,
    scratch: join(scratchOf(lake.home), 'compact'),
    classified,
    ...(environment.memory === undefined ? {} : { memory: environment.memory }),
  });
