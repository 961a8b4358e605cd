import { glueJobs } from '../../lib/adapters/aws/glue-engine.ts';
import { secretsOf, servicesOf } from '../../lib/adapters/aws/lake.ts';
import { readDatasets } from '../../lib/adapters/local/compiled-contracts.ts';
import { TerminalError } from '../../lib/errors.ts';
import type { Services } from '../../lib/pipeline/services.ts';
import { DUCKDB_VERSION } from '../../lib/plan/spark-job.ts';
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

/** The same for what has to do with Glue jobs, which know where the keys are. */
export function jobServices(): Services {
  const services = runServices();
  const { stores, ledger } = services;
  const settings = read(['secretPrefix']);
  const jobs = glueJobs({
    raw: stores.raw,
    stores,
    results: stores.results,
    duckdb: DUCKDB_VERSION,
    secrets: secretsOf(settings, ledger),
    secretPrefix: settings.secretPrefix,
  });
  return { ...services, jobs };
}

const noEngine: Engine = {
  execute: () => Promise.reject(new TerminalError('this function carries no engine', { fault: 'headgate' })),
};
