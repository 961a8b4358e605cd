import { Logger } from '@aws-lambda-powertools/logger';
import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';
import type { Notifier } from '../../lib/ports/notifier.ts';

export const logger = new Logger();
export const metrics = new Metrics({ namespace: 'Headgate' });

const ROW_COUNTS = ['received', 'published', 'quarantined', 'deduplicated'] as const;

/** Every notice is also a line of the log and numbers by dataset, which alarms look at: `Notices<kind>` and the rows of a published run. */
export const counted = (notifier: Notifier): Notifier => ({
  async notify(notice) {
    logger.info(notice.title, { kind: notice.kind, dataset: notice.dataset });
    const single = metrics.singleMetric();
    single.addDimension('dataset', notice.dataset);
    single.addMetric(notice.kind, MetricUnit.Count, 1);
    for (const name of notice.kind === 'run.published' ? ROW_COUNTS : []) {
      const rows = metrics.singleMetric();
      rows.addDimension('dataset', notice.dataset);
      rows.addMetric(`rows.${name}`, MetricUnit.Count, Number(notice.facts[name] ?? 0));
    }
    await notifier.notify(notice);
  },
});
