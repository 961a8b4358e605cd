import { servicesOf } from '../../lib/adapters/aws/lake.ts';
import { readDatasets } from '../../lib/adapters/local/compiled-contracts.ts';
import { TerminalError } from '../../lib/errors.ts';
import type { Services } from '../../lib/pipeline/services.ts';
import type { Engine } from '../../lib/ports/engine.ts';
import { read } from '../environment.ts';
import { counted } from './telemetry.ts';

/** Settings of every function that is a task of the state machine. */
export const RUN = [
  'rawBucket',
  'lakeBucket',
  'vaultBucket',
  'resultsBucket',
  'ledgerTable',
  'topicArn',
  'datasets',
] as const;

export function runServices(engine: Parameters<typeof servicesOf>[2] = () => noEngine): Services {
  const settings = read(RUN);
  const services = servicesOf(settings, readDatasets(settings.datasets), engine);
  return { ...services, notifier: counted(services.notifier) };
}

const noEngine: Engine = {
  execute: () => Promise.reject(new TerminalError('this function carries no engine', { fault: 'headgate' })),
};
