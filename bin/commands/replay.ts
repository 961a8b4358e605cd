import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { userInfo } from 'node:os';
import type { Command } from 'commander';
import type { Lake } from '../../lib/adapters/local/lake.ts';
import { dateOf } from '../../lib/arrivals/arrivals.ts';
import { type Dataset, datasetId } from '../../lib/contract/dataset.ts';
import { TerminalError } from '../../lib/errors.ts';
import type { FileEntry, ReplayEntry } from '../../lib/ledger/entries.ts';
import { filesOf } from '../../lib/ledger/files.ts';
import { replayOf } from '../../lib/ledger/replays.ts';
import { datasetOf } from '../../lib/pipeline/context.ts';
import { explainReplay } from '../../lib/pipeline/plan-run.ts';
import {
  draftReplay,
  draftSuccessor,
  type Reach,
  type ReplayDraft,
  reachOf,
  requestReplay,
} from '../../lib/pipeline/replays.ts';
import type { Plan } from '../../lib/plan/plan.ts';
import { filesOfDataset } from '../../lib/reports/ledger-tables.ts';
import { confirm } from '../confirm.ts';
import { EXIT } from '../exit-codes.ts';
import { findFile } from '../find.ts';
import { lakeOf, startWork } from '../lake.ts';
import { dayOption } from '../options.ts';
import { say } from '../say.ts';
import { printFiles } from './run.ts';

interface Options {
  readonly with?: string;
  readonly dataset?: string;
  readonly from?: string;
  readonly to?: string;
  readonly sinceContract?: string;
  readonly yes?: boolean;
  readonly json?: boolean;
}

const DAY =
  'business date, inclusive; where a file has none, the day of its receipt in the zone of its contract';

export function addReplay(program: Command): void {
  program
    .command('replay [files...]')
    .description(
      'load files again from raw under the contract as it is now; what they had published leaves in the same commit',
    )
    .option('--with <path>', 'a corrected file that takes the place of the one named')
    .option('--dataset <name>', 'with --from, --to or --since-contract: files of this dataset')
    .option('--from <date>', DAY, dayOption)
    .option('--to <date>', DAY, dayOption)
    .option(
      '--since-contract <version>',
      'files that were published under this version of the contract or a later one',
    )
    .option('--yes', 'do not ask')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  headgate replay retail/sales/2011-01-05.csv\n  headgate replay retail/sales/2011-01-05.csv --with ./corrected.csv\n  headgate replay --dataset retail/sales --from 2011-01-01 --to 2011-01-31',
    )
    .action(async (names: readonly string[], options: Options, command: Command) => {
      const lake = lakeOf(command);
      const files = await chosen(lake, names, options);
      const draft =
        options.with === undefined
          ? await draftReplay(lake, files)
          : await draftSuccessor(lake, only(files), await contentOf(options.with));
      process.exitCode = await fulfil(lake, draft, options);
    });
  program
    .command('backfill <dataset>')
    .description(
      'load again from raw what was published under an earlier version of the contract than the one of now; a second time there is nothing left to do',
    )
    .option('--from <date>', DAY, dayOption)
    .option('--to <date>', DAY, dayOption)
    .option('--yes', 'do not ask')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  headgate backfill retail/sales --from 2011-01-01 --to 2011-01-31')
    .action(async (name: string, options: Options, command: Command) => {
      const lake = lakeOf(command);
      const dataset = datasetOf(lake, name);
      const { version } = dataset.contract;
      const files: FileEntry[] = [];
      for await (const file of filesOfDataset(lake.ledger, datasetId(dataset)))
        if (isOlder(file, version) && inRange(file, dataset, options)) files.push(file);
      if (files.length > 0) process.exitCode = await fulfil(lake, await draftReplay(lake, files), options);
      else
        printFiles(
          [],
          options.json,
          `nothing to do: no file of ${name} was published before version ${version}`,
        );
    });
}

async function chosen(lake: Lake, names: readonly string[], options: Options): Promise<readonly FileEntry[]> {
  const byRange =
    options.from !== undefined || options.to !== undefined || options.sinceContract !== undefined;
  if (names.length > 0 === byRange) {
    throw new TerminalError('name files, or give --dataset with --from, --to or --since-contract', {
      fault: 'source',
    });
  }
  if (!byRange) {
    const files = await Promise.all(names.map((name) => findFile(lake.ledger, name)));
    const datasets = new Set(files.map(({ dataset }) => dataset));
    if (datasets.size > 1)
      throw new TerminalError(
        `the files are of ${[...datasets].join(' and ')}; replay each dataset's apart`,
        {
          fault: 'source',
        },
      );
    return files;
  }
  if (options.dataset === undefined)
    throw new TerminalError('--from, --to and --since-contract need --dataset', { fault: 'source' });
  const files: FileEntry[] = [];
  const dataset = datasetOf(lake, options.dataset);
  for await (const file of filesOfDataset(lake.ledger, datasetId(dataset)))
    if (isReplayable(file) && inRange(file, dataset, options) && isSince(file, options)) files.push(file);
  if (files.length === 0)
    throw new TerminalError(`no file of ${options.dataset} is meant; headgate files shows them`, {
      fault: 'source',
    });
  return withoutReplaced(files);
}

/** A refused file that would take the place of another does so only where it is named. */
const isReplayable = ({ state, supersedes }: FileEntry): boolean =>
  state === 'published' || state === 'withdrawn' || (state === 'quarantined' && supersedes === undefined);

/** A correction that was rolled back takes the place of its file again. */
function withoutReplaced(files: readonly FileEntry[]): readonly FileEntry[] {
  const replaced = new Set(
    files.flatMap(({ state, supersedes }) => (state === 'withdrawn' ? (supersedes?.fileId ?? []) : [])),
  );
  return files.filter(({ fileId }) => !replaced.has(fileId));
}

const inRange = (file: FileEntry, dataset: Dataset, { from = '', to = '9999' }: Options): boolean => {
  const day = dateOf(file, dataset);
  return day >= from && day <= to;
};

const isSince = ({ contractVersion }: FileEntry, { sinceContract }: Options): boolean =>
  sinceContract === undefined ||
  (contractVersion !== undefined && compareVersions(contractVersion, sinceContract) >= 0);

const isOlder = ({ state, contractVersion }: FileEntry, version: string): boolean =>
  state === 'published' && contractVersion !== undefined && compareVersions(contractVersion, version) < 0;

/** `1.10.0` is later than `1.9.0`. */
const compareVersions = (a: string, b: string): number => a.localeCompare(b, 'en', { numeric: true });

function only(files: readonly FileEntry[]): FileEntry {
  const [file, ...others] = files;
  if (file === undefined || others.length > 0)
    throw new TerminalError('--with needs exactly one file, whose place it takes', { fault: 'source' });
  return file;
}

async function contentOf(path: string): Promise<AsyncIterable<Uint8Array>> {
  const info = await stat(path).catch(() => undefined);
  if (info?.isFile() !== true)
    throw new TerminalError(`${path} is no file that can be read`, { fault: 'source' });
  return createReadStream(path);
}

/** Says what will happen, asks, does it, says what has happened. @returns the exit code */
export async function fulfil(
  lake: Lake,
  draft: ReplayDraft,
  { yes, json }: { readonly yes?: boolean; readonly json?: boolean },
): Promise<number> {
  const reach = await reachOf(lake, draft);
  const plan = await explainReplay(lake, draft, reach);
  for (const line of announcement(draft, reach, plan)) say(line);
  if (!(await confirm('do it?', yes))) return EXIT.done;
  const wish = await requestReplay(lake, draft, userInfo().username);
  await startWork(lake, draft.dataset).catch(() => undefined);
  const replay = await replayOf(lake.ledger, draft.dataset, wish.id);
  if (replay.state !== 'done') {
    say(outcome(replay));
    return replay.state === 'held' ? EXIT.attention : EXIT.failed;
  }
  const files = await filesOf(lake.ledger, draft.dataset, reach.files);
  printFiles(files, json, 'nothing was replayed');
  return files.some(({ counts }) => counts.quarantined > 0) ? EXIT.attention : EXIT.done;
}

function announcement(draft: ReplayDraft, reach: Reach, plan: Plan): readonly string[] {
  const rows = plan.inputs.reduce((sum, { records }) => sum + records, 0);
  const touched = plan.target?.files ?? [];
  return [
    `${draft.dataset}: ${reach.files.length} files (${rows} records) are loaded again under contract version ${plan.contractVersion}`,
    ...(reach.withdraws.length === 0
      ? []
      : [`  what ${reach.withdraws.length} of them have published leaves the tables in the same commit`]),
    ...(reach.companions.length === 0
      ? []
      : [
          `  ${reach.companions.length} of them were not named: rows of theirs had lost to rows of the named ones (${reach.companions.slice(0, 5).join(', ')}${reach.companions.length > 5 ? ' …' : ''})`,
        ]),
    `  looks into ${touched.length} of the table's data files (${touched.reduce((sum, { bytes }) => sum + bytes, 0)} bytes)`,
  ];
}

const outcome = ({ id, state, reasons, runId }: ReplayEntry): string =>
  state === 'held'
    ? `held: headgate hold release ${runId}   or   headgate hold reject ${runId}`
    : state === 'refused'
      ? `refused: ${reasons.map(({ message }) => message).join('; ')}`
      : `replay ${id} waits for the next run: headgate run`;
