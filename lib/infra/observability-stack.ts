import { Duration, Stack, type StackProps } from 'aws-cdk-lib';
import { CfnBudget } from 'aws-cdk-lib/aws-budgets';
import { CfnAnomalyMonitor, CfnAnomalySubscription } from 'aws-cdk-lib/aws-ce';
import { type IMetric, Metric } from 'aws-cdk-lib/aws-cloudwatch';
import { Rule } from 'aws-cdk-lib/aws-events';
import { SqsQueue } from 'aws-cdk-lib/aws-events-targets';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import type { Dataset } from '../contract/dataset.ts';
import { acknowledge } from './acknowledge.ts';
import { Alarms, sumOf } from './alarms.ts';
import type { StageConfig } from './config.ts';
import { domainDashboard } from './dashboard.ts';
import type { DataStack } from './data-stack.ts';
import { watchesOf } from './dataset-alarms.ts';
import { noticesTopic } from './notices.ts';
import type { PipelineStack } from './pipeline-stack.ts';
import { SCHEDULES } from './schedules.ts';
import { deadLetterQueue } from './service-function.ts';

export interface ObservabilityStackProps extends StackProps {
  readonly config: StageConfig;
  readonly datasets: readonly Dataset[];
  readonly data: DataStack;
  readonly pipeline: PipelineStack;
}

const FIVE_MINUTES = Duration.minutes(5);
const TEN_MINUTES = Duration.minutes(10);

/** Who is told what, and where to look. */
export class ObservabilityStack extends Stack {
  constructor(scope: Construct, id: string, props: ObservabilityStackProps) {
    const { config, datasets, data, pipeline, ...stackProps } = props;
    super(scope, id, stackProps);
    const alarms = new Alarms(this, 'Alarms', config);
    const topic: ITopic = pipeline.topic;
    this.watchIntake(alarms, props);
    this.watchRuns(alarms, props);
    for (const dataset of datasets)
      for (const watch of watchesOf(config, dataset)) alarms.watch(watch, topic);
    // Slack can't tell that Slack is not told.
    const fallback = noticesTopic(this, 'Fallback', {
      name: `headgate-${config.stage}-fallback`,
      key: data.keys.platform,
    });
    fallback.addSubscription(
      new EmailSubscription(config.budget.email, { deadLetterQueue: deadLetterQueue(this, 'Unmailed') }),
    );
    alarms.watch(
      {
        kind: 'notices-undelivered',
        metric: waiting([pipeline.deadLettersOf('slack')]),
        threshold: 1,
        console: 'sqs/v3/home#/queues',
      },
      fallback,
    );
    const domains = config.dashboards ? datasets.map((each) => each.domain) : [];
    for (const domain of new Set(domains))
      domainDashboard(this, {
        config,
        domain,
        datasets: datasets.filter((each) => each.domain === domain),
        pipeline,
        workgroup: data.workgroup,
      });
    addBudget(this, config);
    if (config.budget.anomalies) watchCosts(this, config);
  }

  private watchIntake(alarms: Alarms, { config, pipeline }: ObservabilityStackProps): void {
    const functions = ['intake', ...BY_THE_CLOCK].map((name) => pipeline.functionOf(name).function);
    const { queue, deadLetters, undelivered } = pipeline.intakeQueue;
    const queues = 'sqs/v3/home#/queues';
    const logs = `cloudwatch/home#logsV2:log-groups$3FlogGroupNameFilter$3D/headgate/${config.stage}`;
    const signs = [
      alarms.watch({
        kind: 'dead-letters',
        metric: waiting([
          deadLetters,
          undelivered,
          ...BY_THE_CLOCK.map((name) => pipeline.deadLettersOf(name)),
        ]),
        threshold: 1,
        console: queues,
      }),
      alarms.watch({
        kind: 'oldest-event',
        metric: queue.metricApproximateAgeOfOldestMessage({ period: FIVE_MINUTES, statistic: 'Maximum' }),
        threshold: config.alarms.oldestEventMinutes * 60,
        console: queues,
      }),
      alarms.watch({
        kind: 'function-errors',
        metric: sumOf(
          functions.map((each) => each.metricErrors({ period: FIVE_MINUTES })),
          FIVE_MINUTES,
        ),
        threshold: 1,
        console: logs,
      }),
      alarms.watch({
        kind: 'function-throttles',
        metric: sumOf(
          // A sweep, a copy of the ledger or a nightly call that finds the one before at work is done by the next.
          ['intake', 'execute'].map((name) =>
            pipeline.functionOf(name).function.metricThrottles({ period: FIVE_MINUTES }),
          ),
          FIVE_MINUTES,
        ),
        threshold: 1,
        console: logs,
      }),
    ];
    alarms.anyOf('intake-stuck', signs, queues, pipeline.topic);
    alarms.watch(
      {
        kind: 'sweeper-stopped',
        metric: pipeline.functionOf('sweeper').function.metricInvocations({ period: TEN_MINUTES }),
        threshold: 1,
        when: 'less than',
        silence: 'wrong',
        console: 'scheduler/home#schedules',
      },
      pipeline.topic,
    );
  }

  private watchRuns(alarms: Alarms, { pipeline }: ObservabilityStackProps): void {
    const { machine } = pipeline.pipeline;
    const page = `states/home#/statemachines/view/${machine.stateMachineArn}`;
    const failed: readonly IMetric[] = [
      machine.metricFailed({ period: FIVE_MINUTES }),
      machine.metricTimedOut({ period: FIVE_MINUTES }),
      machine.metricAborted({ period: FIVE_MINUTES }),
    ];
    const signs = [
      alarms.watch({ kind: 'run-failed', metric: sumOf(failed, FIVE_MINUTES), threshold: 1, console: page }),
      alarms.watch({
        kind: 'publish-conflict',
        metric: pipeline.functionOf('abandon').function.metricInvocations({ period: FIVE_MINUTES }),
        threshold: 1,
        console: page,
      }),
      alarms.watch({
        kind: 'glue-waiting',
        metric: delayedRuns(this, pipeline.jobName),
        threshold: 1,
        console: `gluestudio/home#/job/${pipeline.jobName}/runs`,
      }),
    ];
    alarms.anyOf('runs-failing', signs, page, pipeline.topic);
  }
}

const BY_THE_CLOCK = Object.keys(SCHEDULES);

const waiting = (queues: readonly Queue[]) =>
  sumOf(
    queues.map((queue) =>
      queue.metricApproximateNumberOfMessagesVisible({ period: FIVE_MINUTES, statistic: 'Maximum' }),
    ),
    FIVE_MINUTES,
  );

/** Glue tells EventBridge of runs that take longer than the job's `NotifyDelayAfter`; the events are kept in a queue for who looks into it. */
function delayedRuns(scope: Construct, jobName: string): Metric {
  const delayed = deadLetterQueue(scope, 'DelayedRuns');
  const rule = new Rule(scope, 'Delayed', {
    eventPattern: {
      source: ['aws.glue'],
      detailType: ['Glue Job Run Status'],
      detail: { jobName: [jobName] },
    },
    targets: [new SqsQueue(delayed)],
  });
  acknowledge(rule, 'The alarm counts what the rule matched, delivered or not.', ['Serverless-EventBusDLQ']);
  return new Metric({
    namespace: 'AWS/Events',
    metricName: 'MatchedEvents',
    dimensionsMap: { RuleName: rule.ruleName },
    statistic: 'Sum',
    period: FIVE_MINUTES,
  });
}

/** The tag that must be activated for the bill. */
const TAG = 'headgate:stage';

/** By mail: what a month costs, and is to cost. */
function addBudget(scope: Construct, { stage, budget }: StageConfig): void {
  const subscribers = [{ subscriptionType: 'EMAIL', address: budget.email }];
  new CfnBudget(scope, 'Budget', {
    budget: {
      budgetName: `headgate-${stage}`,
      budgetType: 'COST',
      timeUnit: 'MONTHLY',
      budgetLimit: { amount: budget.usdPerMonth, unit: 'USD' },
      costFilters: { TagKeyValue: [`user:${TAG}$${stage}`] },
    },
    notificationsWithSubscribers: [
      { type: 'ACTUAL', threshold: 80 },
      { type: 'FORECASTED', threshold: 100 },
    ].map(({ type, threshold }) => ({
      notification: {
        notificationType: type,
        comparisonOperator: 'GREATER_THAN',
        threshold,
        thresholdType: 'PERCENTAGE',
      },
      subscribers,
    })),
  });
}

/** https://docs.aws.amazon.com/cost-management/latest/userguide/getting-started-ad.html: monitors of tags "can only be created in the management account" */
function watchCosts(scope: Construct, { stage, budget }: StageConfig): void {
  const monitor = new CfnAnomalyMonitor(scope, 'CostMonitor', {
    monitorName: `headgate-${stage}`,
    monitorType: 'CUSTOM',
    monitorSpecification: JSON.stringify({
      Tags: { Key: `user:${TAG}`, Values: [stage], MatchOptions: ['EQUALS'] },
    }),
  });
  new CfnAnomalySubscription(scope, 'CostAnomalies', {
    subscriptionName: `headgate-${stage}`,
    frequency: 'DAILY',
    monitorArnList: [monitor.attrMonitorArn],
    subscribers: [{ type: 'EMAIL', address: budget.email }],
    thresholdExpression: JSON.stringify({
      Dimensions: {
        Key: 'ANOMALY_TOTAL_IMPACT_ABSOLUTE',
        MatchOptions: ['GREATER_THAN_OR_EQUAL'],
        Values: [String(Math.max(1, budget.usdPerMonth / 20))],
      },
    }),
  });
}
