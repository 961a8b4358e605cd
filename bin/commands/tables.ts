import { userInfo } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { duckDbRewrite } from '../../lib/adapters/local/duckdb-rewrite.ts';
import { asExecution } from '../../lib/adapters/local/executions.ts';
import type { Lake } from '../../lib/adapters/local/lake.ts';
import { type Dataset, datasetId } from '../../lib/contract/dataset.ts';
import { TerminalError } from '../../lib/errors.ts';
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
import { type SnapshotInfo, snapshots } from '../../lib/table/snapshots.ts';
import { loadTable } from '../../lib/table/table.ts';
import { confirm } from '../confirm.ts';
import { environment } from '../environment.ts';
import { lakeOf, queryEngineOf } from '../lake.ts';
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
      const rows = (await snapshotsOf(lake, datasetOf(lake, id))).map((each) => [
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
      const dataset = datasetOf(lake, id);
      const known = await snapshotsOf(lake, dataset);
      const target = known.find((each) => each.id === options.to);
      if (target === undefined && options.to !== 'none') {
        const allowed = [...known.map((each) => each.id), 'none'].join(', ');
        throw new TerminalError(`${id} has no snapshot ${options.to}; allowed: ${allowed}`, {
          fault: 'source',
        });
      }
      const current = known.find(({ state }) => state === 'current');
      console.error(
        `${id} goes back from ${current?.rows ?? 0} rows to ${target?.rows ?? 0}, as of ${target?.time.toISOString() ?? 'before its first file'}; files loaded since are withdrawn and can be replayed`,
      );
      if (!(await confirm('do it?', options.yes))) return;
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
      const chosen = datasetsOf(lake, id);
      console.error(`small files of ${chosen.map(datasetId).join(', ')} are written again as larger ones`);
      if (!(await confirm('do it?', options.yes))) return;
      const rows: (string | number)[][] = [];
      for (const dataset of chosen) {
        const done = await whileIdle(lake, dataset, () => compactDataset(lake, dataset, rewriterOf(lake)));
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
      const chosen = datasetsOf(lake, id);
      console.error(
        `snapshots of ${chosen.map(datasetId).join(', ')} that are older than ${options.grace} hours are forgotten, the newest ${options.keep} excepted: no way back to them`,
      );
      if (!(await confirm('do it?', options.yes))) return;
      const rows: (string | number)[][] = [];
      for (const dataset of chosen) {
        const done = await whileIdle(lake, dataset, () => expireDataset(lake, dataset, order));
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
      const chosen = datasetsOf(lake, id);
      const planned = await Promise.all(chosen.map((dataset) => planRetention(lake, engine, dataset)));
      const plans = planned.filter((plan) => plan !== undefined && !isNothing(plan));
      for (const plan of plans) if (plan !== undefined) console.error(explainRetention(plan).join('\n'));
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

const nameOf = ({ table }: Pick<TableOf, 'table'>): string => `${table.database}.${table.name}`;

const datasetsOf = (lake: Lake, id: string | undefined): readonly Dataset[] =>
  id === undefined ? lake.datasets : [datasetOf(lake, id)];

const whileIdle = <T>(lake: Lake, dataset: Dataset, work: () => Promise<T>): Promise<T> =>
  asExecution((execution) => withLock(lake, datasetId(dataset), execution, work));

async function snapshotsOf(lake: Lake, dataset: Dataset): Promise<readonly SnapshotInfo[]> {
  const table = await loadTable(tablePorts(lake, 'curated'), tableOf(dataset, 'curated'));
  return table === undefined ? [] : snapshots(table);
}

const rewriterOf =
  (lake: Lake): Rewriter =>
  (output, dataset) =>
  (work) =>
    duckDbRewrite({
      store: output === 'vault' ? lake.stores.vault : lake.stores.lake,
      scratch: join(lake.home, 'scratch', `compact-${process.pid}`),
      classified: classifiedColumns(dataset, output, work.schema),
      ...(environment.memory === undefined ? {} : { memory: environment.memory }),
    })(work);
