import { ledgerOf, notifierOf, queryEngineOf } from '../../lib/adapters/aws/lake.ts';
import { readDatasets } from '../../lib/adapters/local/compiled-contracts.ts';
import { readMarts } from '../../lib/adapters/local/packed-marts.ts';
import { read } from '../environment.ts';
import { counted } from '../shared/telemetry.ts';
import { qualityHandler } from './look.ts';

const settings = read(['ledgerTable', 'topicArn', 'workgroup', 'datasets', 'marts']);

export const handler = qualityHandler({
  ledger: ledgerOf(settings),
  queryEngine: queryEngineOf(settings),
  datasets: readDatasets(settings.datasets),
  clock: { now: () => new Date() },
  notifier: counted(notifierOf(settings)),
  findings: readMarts(settings.marts).findings,
});
