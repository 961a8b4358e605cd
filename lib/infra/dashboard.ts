import { Duration } from 'aws-cdk-lib';
import { Dashboard, GraphWidget, type IMetric, Metric } from 'aws-cdk-lib/aws-cloudwatch';
import type { Construct } from 'constructs';
import { type Dataset, datasetId } from '../contract/dataset.ts';
import type { StageConfig } from './config.ts';
import { datasetMetric } from './dataset-alarms.ts';
import type { PipelineStack } from './pipeline-stack.ts';

export interface DomainDashboardProps {
  readonly config: StageConfig;
  readonly domain: string;
  readonly datasets: readonly Dataset[];
  readonly pipeline: PipelineStack;
  readonly workgroup: string;
}

const ROWS = ['rows.received', 'rows.published', 'rows.quarantined', 'rows.deduplicated'];

/** What an owner of a domain asks: how much came, how much of it stands in the tables, how fast, what it costs. */
export function domainDashboard(
  scope: Construct,
  { config, domain, datasets, pipeline, workgroup }: DomainDashboardProps,
): Dashboard {
  const graph = (title: string, left: readonly IMetric[], unit: string) =>
    new GraphWidget({
      title,
      left: [...left],
      leftYAxis: { label: unit, min: 0, showUnits: false },
      width: 12,
    });
  const execute = pipeline.functionOf('execute').function;
  return new Dashboard(scope, `Dashboard-${domain}`, {
    dashboardName: `headgate-${config.stage}-${domain}`,
    defaultInterval: Duration.days(7),
    widgets: [
      ...datasets.map((dataset) => [
        graph(
          `${datasetId(dataset)}: rows`,
          ROWS.map((name) => datasetMetric(config, dataset, name)),
          'rows an hour',
        ),
        graph(
          `${datasetId(dataset)}: runs and files`,
          ['run.published', 'run.held', 'run.failed', 'file.quarantined'].map((name) =>
            datasetMetric(config, dataset, name),
          ),
          'an hour',
        ),
      ]),
      [
        graph(
          'Latency: one execution (all datasets)',
          ['p50', 'p99'].map((statistic) => pipeline.pipeline.machine.metricTime({ statistic })),
          'ms',
        ),
        graph(
          'Freshness: age of the oldest event that waits (all datasets)',
          [pipeline.intakeQueue.queue.metricApproximateAgeOfOldestMessage()],
          'seconds',
        ),
      ],
      [
        graph(
          'Cost: time of DuckDB in Lambda (all datasets)',
          [execute.metricDuration({ statistic: 'Sum' })],
          'ms',
        ),
        graph(
          'Cost: bytes that queries scan (all datasets)',
          [
            new Metric({
              namespace: 'AWS/Athena',
              metricName: 'ProcessedBytes',
              dimensionsMap: { WorkGroup: workgroup, QueryState: 'SUCCEEDED', QueryType: 'DML' },
              statistic: 'Sum',
              period: Duration.hours(1),
            }),
          ],
          'bytes an hour',
        ),
      ],
    ],
  });
}
