import { landingOf, ledgerOf, notifierOf, starterOf, storeOf } from '../../lib/adapters/aws/lake.ts';
import { readDatasets } from '../../lib/adapters/local/compiled-contracts.ts';
import { router } from '../../lib/intake/route.ts';
import { read } from '../environment.ts';
import { counted } from '../shared/telemetry.ts';
import { intakeHandler } from './batch.ts';

const settings = read([
  'landingBucket',
  'rawBucket',
  'ledgerTable',
  'stateMachineArn',
  'topicArn',
  'datasets',
]);
const ports = {
  landing: landingOf(settings),
  raw: storeOf(settings.rawBucket),
  ledger: ledgerOf(settings),
  notifier: counted(notifierOf(settings)),
};
const place = {
  bucket: settings.landingBucket,
  own: true,
  route: router(readDatasets(settings.datasets)),
};

export const handler = intakeHandler({ ports, place, start: starterOf(settings) });
