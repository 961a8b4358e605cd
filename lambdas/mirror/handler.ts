import { ledgerOf, storeOf, tablesOf } from '../../lib/adapters/aws/lake.ts';
import { readDatasets } from '../../lib/adapters/local/compiled-contracts.ts';
import { type Mirrored, mirrorLedger } from '../../lib/reports/mirror.ts';
import { read } from '../environment.ts';
import { handle } from '../shared/handle.ts';
import { logger } from '../shared/telemetry.ts';

const settings = read(['lakeBucket', 'ledgerTable', 'datasets']);
const ports = {
  ...tablesOf(storeOf(settings.lakeBucket)),
  ledger: ledgerOf(settings),
  datasets: readDatasets(settings.datasets),
};

/** Copies what has changed in the ledger into the tables of the database `headgate`. */
export const handler = handle<unknown, readonly Mirrored[]>(async () => {
  const report = await mirrorLedger(ports);
  logger.info('copied the ledger', { tables: report });
  return report;
});
