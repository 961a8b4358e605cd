import { type Command, Option } from 'commander';
import { FILE_STATES, type FileEntry, type FileState, partitions } from '../../lib/ledger/entries.ts';
import { knownDatasets } from '../../lib/ledger/everything.ts';
import type { Ledger } from '../../lib/ports/ledger.ts';
import { lakeOf } from '../lake.ts';
import { countOption } from '../options.ts';
import { printTable } from '../table.ts';

interface Options {
  readonly dataset?: string;
  readonly state?: FileState;
  readonly last: number;
  readonly json?: boolean;
}

const COLUMNS = [
  'file',
  'dataset',
  'key',
  'state',
  'received',
  'published',
  'quarantined',
  'deduplicated',
  'received at',
];

export function addFiles(program: Command): void {
  program
    .command('files')
    .description('the files by business date and time received, newest last')
    .option('--dataset <name>', 'only of this dataset')
    .addOption(new Option('--state <state>', 'only in this state').choices(FILE_STATES))
    .option('--last <n>', 'how many', countOption, 50)
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  headgate files --dataset payments/transactions --last 20')
    .action(async ({ dataset, state, last, json }: Options, command: Command) => {
      const { ledger } = lakeOf(command);
      const chosen = dataset === undefined ? await knownDatasets(ledger) : [dataset];
      const newest = await Promise.all(chosen.map((each) => lastFiles(ledger, each, last, state)));
      const files = newest.flat().sort((a, b) => (a.fileId < b.fileId ? -1 : 1));
      const rows = files
        .slice(-last)
        .map((file) => [
          file.fileId,
          file.dataset,
          file.key,
          file.state,
          file.counts.received,
          file.counts.published,
          file.counts.quarantined,
          file.counts.deduplicated,
          file.receivedAt,
        ]);
      printTable(COLUMNS, rows, { json, empty: 'no such files' });
    });
}

/** The newest files of a dataset, by the text of their ids, read from the end. */
async function lastFiles(
  ledger: Ledger,
  dataset: string,
  count: number,
  state: FileState | undefined,
): Promise<readonly FileEntry[]> {
  const files: FileEntry[] = [];
  let after: string | undefined;
  for (;;) {
    const page = await ledger.query<FileEntry>({
      partition: partitions.files(dataset),
      descending: true,
      limit: state === undefined ? count : 1000,
      ...(after === undefined ? {} : { after }),
    });
    for (const { body } of page) if (state === undefined || body.state === state) files.push(body);
    after = page.at(-1)?.sort;
    if (files.length >= count || after === undefined) return files.slice(0, count);
  }
}
