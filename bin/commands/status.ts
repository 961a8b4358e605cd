import type { Command } from 'commander';
import { type Dataset, datasetId } from '../../lib/contract/dataset.ts';
import { type FileEntry, partitions } from '../../lib/ledger/entries.ts';
import { knownDatasets } from '../../lib/ledger/everything.ts';
import { summaryOf } from '../../lib/ledger/summary.ts';
import type { Ledger } from '../../lib/ports/ledger.ts';
import { hasSets, openSetsOf } from '../../lib/sets/sets.ts';
import { lakeOf } from '../lake.ts';
import { printTable } from '../table.ts';

const COLUMNS = [
  'dataset',
  'waiting',
  'incomplete sets',
  'held',
  'published files',
  'quarantined files',
  'duplicates',
  'superseded',
  'withdrawn',
  'received',
  'published',
  'quarantined',
  'deduplicated',
  'newest file',
];

export function addStatus(program: Command): void {
  program
    .command('status')
    .description('each dataset: files by state, rows, newest file')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  headgate status')
    .action(async ({ json }: { json?: boolean }, command: Command) => {
      const { ledger, datasets } = lakeOf(command);
      const names = new Set([...datasets.map(datasetId), ...(await knownDatasets(ledger))]);
      const rows = await Promise.all(
        [...names].map(async (dataset) => {
          const of = await summaryOf(ledger, dataset);
          const [newest] = await ledger.query<FileEntry>({
            partition: partitions.files(dataset),
            descending: true,
            limit: 1,
          });
          return [
            dataset,
            of.admitted,
            await incompleteSets(
              ledger,
              datasets.find((each) => datasetId(each) === dataset),
            ),
            of.held,
            of.published,
            of.quarantined,
            of.duplicate,
            of.superseded,
            of.withdrawn,
            of.rowsReceived,
            of.rowsPublished,
            of.rowsQuarantined,
            of.rowsDeduplicated,
            newest?.body.receivedAt ?? '',
          ];
        }),
      );
      printTable(COLUMNS, rows, { json, empty: 'no contracts' });
    });
}

/** Of which something has come. */
const incompleteSets = async (ledger: Ledger, dataset: Dataset | undefined): Promise<number> =>
  hasSets(dataset)
    ? (await openSetsOf(ledger, dataset)).filter(({ state }) => state === 'incomplete').length
    : 0;
