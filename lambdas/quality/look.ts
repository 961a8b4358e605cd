import { MetricUnit } from '@aws-lambda-powertools/metrics';
import { TransientError } from '../../lib/errors.ts';
import type { DailyEntry } from '../../lib/ledger/entries.ts';
import { type DailyPorts, dailyLook, oddResults } from '../../lib/quality/daily.ts';
import { handle, logError } from '../shared/handle.ts';
import { logger, metrics } from '../shared/telemetry.ts';

/**
 * Every hour: the days that have ended in the zones of the contracts and that nobody has looked at yet. What the event says does not matter.
 * @throws TransientError where a dataset could not be looked at, so that an alarm sees it; the others are done
 */
export const qualityHandler = (ports: DailyPorts) =>
  handle<unknown, readonly DailyEntry[]>(async () => {
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
