import { MetricUnit } from '@aws-lambda-powertools/metrics';
import { ledgerOf, notifierOf, queryEngineOf } from '../../lib/adapters/aws/lake.ts';
import { readDatasets } from '../../lib/adapters/local/compiled-contracts.ts';
import { readMarts } from '../../lib/adapters/local/packed-marts.ts';
import { TransientError } from '../../lib/errors.ts';
import type { DailyEntry } from '../../lib/ledger/entries.ts';
import { dailyLook, oddResults } from '../../lib/quality/daily.ts';
import { read } from '../environment.ts';
import { handle, logError } from '../shared/handle.ts';
import { counted, logger, metrics } from '../shared/telemetry.ts';

const settings = read(['ledgerTable', 'topicArn', 'workgroup', 'datasets', 'marts']);
const ports = {
  ledger: ledgerOf(settings),
  queryEngine: queryEngineOf(settings),
  datasets: readDatasets(settings.datasets),
  clock: { now: () => new Date() },
  notifier: counted(notifierOf(settings)),
  findings: readMarts(settings.marts).findings,
};

/**
 * Every hour: the days that have ended in the zones of the contracts and that nobody has looked at yet.
 * @throws TransientError where a dataset could not be looked at, so that an alarm sees it; the others are done
 */
export const handler = handle<unknown, readonly DailyEntry[]>(async () => {
  const { entries, failed } = await dailyLook(ports);
  for (const entry of entries) count(entry);
  for (const { error } of failed) logError(error);
  if (failed.length === 0) return entries;
  throw new TransientError(`the daily look failed for ${failed.map(({ what }) => what).join(', ')}`, {
    fault: 'headgate',
  });
});

function count(entry: DailyEntry): void {
  const odd = oddResults(entry);
  logger.info('looked at a day', { dataset: entry.dataset, day: entry.day, odd });
  const single = metrics.singleMetric();
  single.addDimension('dataset', entry.dataset);
  single.addMetric('quality.findings', MetricUnit.Count, odd.length);
}
