import type { Command } from 'commander';
import type { FileEntry } from '../../lib/ledger/entries.ts';
import { allFiles } from '../../lib/reports/ledger-tables.ts';
import { lakeOf } from '../lake.ts';
import { printTable } from '../table.ts';

interface Options {
  readonly dataset?: string;
  readonly state?: string;
  readonly last: string;
  readonly json?: boolean;
}

export function addFiles(program: Command): void {
  program
    .command('files')
    .description('the files that landed, newest last')
    .option('--dataset <name>', 'only of this dataset')
    .option('--state <state>', 'only in this state: admitted, held, published, quarantined, duplicate')
    .option('--last <n>', 'how many', '50')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  headgate files --dataset payments/transactions --last 20')
    .action(async ({ dataset, state, last, json }: Options, command: Command) => {
      const files: FileEntry[] = [];
      for await (const file of allFiles(lakeOf(command).ledger)) {
        if (
          (dataset === undefined || file.dataset === dataset) &&
          (state === undefined || file.state === state)
        )
          files.push(file);
      }
      files.sort((a, b) => (a.receivedAt < b.receivedAt ? -1 : 1));
      const rows = files
        .slice(-Number(last))
        .map((file) => [
          file.fileId,
          file.dataset,
          file.key,
          file.state,
          ...Object.values(file.counts),
          file.receivedAt,
        ]);
      printTable(
        [
          'file',
          'dataset',
          'key',
          'state',
          'received',
          'published',
          'quarantined',
          'deduplicated',
          'received at',
        ],
        rows,
        {
          json,
          empty: 'no such files',
        },
      );
    });
}
