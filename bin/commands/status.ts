import type { Command } from 'commander';
import { datasetId } from '../../lib/contract/dataset.ts';
import { allFiles } from '../../lib/reports/ledger-tables.ts';
import { lakeOf } from '../lake.ts';
import { printTable } from '../table.ts';

export function addStatus(program: Command): void {
  program
    .command('status')
    .description('each dataset: files by state, rows, last file')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  headgate status')
    .action(async ({ json }: { json?: boolean }, command: Command) => {
      const lake = await lakeOf(command);
      const byDataset = new Map<string, Summary>(
        lake.datasets.map((dataset) => [datasetId(dataset), empty()]),
      );
      for await (const file of allFiles(lake.ledger)) {
        const summary = byDataset.get(file.dataset) ?? empty();
        byDataset.set(file.dataset, summary);
        summary.states[file.state]++;
        summary.received += file.counts.received;
        summary.published += file.counts.published;
        summary.quarantined += file.counts.quarantined;
        summary.deduplicated += file.counts.deduplicated;
        if (file.receivedAt > summary.last) summary.last = file.receivedAt;
      }
      const columns = [
        'dataset',
        'waiting',
        'held',
        'published files',
        'quarantined files',
        'duplicates',
        'received',
        'published',
        'quarantined',
        'deduplicated',
        'last file',
      ];
      const rows = [...byDataset].map(
        ([dataset, { states, received, published, quarantined, deduplicated, last }]) => [
          dataset,
          states.admitted,
          states.held,
          states.published,
          states.quarantined,
          states.duplicate,
          received,
          published,
          quarantined,
          deduplicated,
          last,
        ],
      );
      printTable(columns, rows, { json, empty: 'no contracts' });
    });
}

interface Summary {
  readonly states: Record<'admitted' | 'held' | 'published' | 'quarantined' | 'duplicate', number>;
  received: number;
  published: number;
  quarantined: number;
  deduplicated: number;
  last: string;
}

const empty = (): Summary => ({
  states: { admitted: 0, held: 0, published: 0, quarantined: 0, duplicate: 0 },
  received: 0,
  published: 0,
  quarantined: 0,
  deduplicated: 0,
  last: '',
});
