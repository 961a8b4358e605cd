import { secretsOf } from '../../lib/adapters/aws/lake.ts';
import { clearLeft, stagedEngine } from '../../lib/adapters/local/staged-engine.ts';
import { read } from '../environment.ts';
import { runServices } from '../shared/services.ts';
import { taskHandler } from '../shared/task.ts';

const { memory, scratch, ...settings } = read(['secretPrefix', 'scratch', 'memory']);

clearLeft(scratch);

const services = runServices(({ stores, ledger }) =>
  stagedEngine({
    raw: stores.raw,
    stores,
    secrets: secretsOf(settings, ledger),
    scratch,
    ...(memory === undefined ? {} : { memory }),
  }),
);

export const handler = taskHandler('Execute', services);
