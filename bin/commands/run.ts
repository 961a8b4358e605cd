import { watch } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { folderStore } from '../../lib/adapters/local/folder-store.ts';
import type { Lake } from '../../lib/adapters/local/lake.ts';
import { runStateMachine } from '../../lib/adapters/local/state-machine.ts';
import { TerminalError } from '../../lib/errors.ts';
import { fixedRoute, router } from '../../lib/intake/route.ts';
import type { LandingPlace } from '../../lib/intake/take-in.ts';
import type { FileEntry } from '../../lib/ledger/entries.ts';
import { fileOf } from '../../lib/ledger/files.ts';
import { datasetOf } from '../../lib/pipeline/context.ts';
import { type WorkReport, work } from '../../lib/pipeline/work.ts';
import { EXIT } from '../exit-codes.ts';
import { localLake } from '../lake.ts';
import { printTable } from '../table.ts';

interface RunOptions {
  readonly landing?: string;
  readonly dataset?: string;
  readonly json?: boolean;
}

export function addRun(program: Command): void {
  program
    .command('run')
    .description('take in what has landed and work until nothing is pending')
    .option('--landing <dir>', 'another folder than the lake’s own; it is read, never changed')
    .option('--dataset <name>', 'all files of the folder belong to this dataset, whatever their names')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  headgate run --landing ../exports/retail --dataset retail/sales')
    .action(async (options: RunOptions, command: Command) => {
      const lake = localLake(command);
      const files = await takeIn(lake, options);
      process.exitCode = files.exitCode;
      printFiles(files.entries, options.json, 'nothing has landed');
    });
  program
    .command('up')
    .description('watch the landing folder and take in what lands, until interrupted')
    .addHelpText('after', '\nExample:\n  headgate up')
    .action(async (_options: unknown, command: Command) => watchLanding(localLake(command)));
}

export interface TakenIn {
  readonly entries: readonly FileEntry[];
  readonly report: WorkReport;
  readonly exitCode: number;
}

export async function takeIn(lake: Lake, options: Pick<RunOptions, 'landing' | 'dataset'>): Promise<TakenIn> {
  if (options.dataset !== undefined && options.landing === undefined) {
    throw new TerminalError(
      '--dataset needs --landing: in the lake’s own landing folder the key says which dataset a file is of',
      { fault: 'source' },
    );
  }
  const place = placeOf(lake, options);
  const landing = options.landing === undefined ? lake.landing : folderStore(resolve(options.landing));
  const ports = { landing, raw: lake.stores.raw, ledger: lake.ledger, notifier: lake.notifier };
  const report = await work(
    { services: lake, ports, start: (dataset) => runStateMachine(lake, dataset) },
    place,
  );
  const entries = await Promise.all(
    report.files.map(async ({ file }) => (await fileOf(lake.ledger, file.dataset, file.fileId)) ?? file),
  );
  return { entries, report, exitCode: exitCodeOf(entries, report) };
}

const placeOf = (
  lake: Lake,
  { landing, dataset }: Pick<RunOptions, 'landing' | 'dataset'>,
): LandingPlace => ({
  bucket: landing === undefined ? 'landing' : resolve(landing),
  own: landing === undefined,
  route: dataset === undefined ? router(lake.datasets) : fixedRoute(datasetOf(lake, dataset)),
});

function exitCodeOf(entries: readonly FileEntry[], report: WorkReport): number {
  if (report.failed.length > 0) return EXIT.failed;
  const fresh = new Set(report.files.filter(({ isNew }) => isNew).map(({ file }) => file.fileId));
  const refused = entries.some(
    (file) =>
      file.state === 'held' ||
      (fresh.has(file.fileId) && file.counts.quarantined > 0) ||
      (fresh.has(file.fileId) && file.state === 'quarantined'),
  );
  return refused ? EXIT.attention : EXIT.done;
}

export function printFiles(entries: readonly FileEntry[], json: boolean | undefined, empty: string): void {
  const columns = ['file', 'status', 'received', 'published', 'quarantined', 'deduplicated', 'why'];
  const rows = entries.map((file) => [
    file.key,
    file.state,
    file.counts.received,
    file.counts.published,
    file.counts.quarantined,
    file.counts.deduplicated,
    why(file),
  ]);
  printTable(columns, rows, { json, empty });
}

const why = (file: FileEntry): string => {
  const checks = Object.entries(file.checks).map(([check, rows]) => `${check} ${rows}`);
  return [...file.reasons.map(({ code, message }) => `${code}: ${message}`), ...checks].join('; ');
};

const QUIET_MS = 500;

/** Works whenever the folder has been quiet for a moment; what lands while it works is taken next. */
async function watchLanding(lake: Lake): Promise<void> {
  await mkdir(lake.landing.root, { recursive: true });
  console.error(`watching ${lake.landing.root}; drop files there, stop with Ctrl-C`);
  let working = Promise.resolve();
  let timer: NodeJS.Timeout | undefined;
  const next = () => {
    working = working.then(async () => {
      const { entries } = await takeIn(lake, {});
      if (entries.length > 0) printFiles(entries, false, '');
    });
  };
  next();
  const watcher = watch(lake.landing.root, { recursive: true }, () => {
    clearTimeout(timer);
    timer = setTimeout(next, QUIET_MS);
  });
  await new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
  });
  watcher.close();
  clearTimeout(timer);
  await working;
}
