import { landingOf, starterOf } from '../../lib/adapters/aws/lake.ts';
import { TransientError } from '../../lib/errors.ts';
import { router } from '../../lib/intake/route.ts';
import { type SweepReport, sweep } from '../../lib/pipeline/sweep.ts';
import { read } from '../environment.ts';
import { handle, logError } from '../shared/handle.ts';
import { runServices } from '../shared/services.ts';
import { logger } from '../shared/telemetry.ts';

const settings = read(['landingBucket', 'stateMachineArn']);
const services = runServices();
const { stores, ledger, notifier } = services;
const ports = { landing: landingOf(settings), raw: stores.raw, ledger, notifier };
const place = { bucket: settings.landingBucket, own: true, route: router(services.datasets) };
const start = starterOf(settings);

/** @throws TransientError when a part of the sweep failed, so that an alarm sees it; the other parts are done */
export const handler = handle<unknown, Omit<SweepReport, 'failed'>>(async () => {
  const { failed, ...report } = await sweep({ services, ports, start }, place);
  logger.info('swept', {
    found: report.found.length,
    started: report.started,
    unfinished: report.unfinished,
  });
  for (const { error } of failed) logError(error);
  if (failed.length === 0) return report;
  throw new TransientError(`the sweep failed for ${failed.map(({ what }) => what).join(', ')}`, {
    fault: 'headgate',
  });
});
