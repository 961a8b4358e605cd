import { type Duration, Stack } from 'aws-cdk-lib';
import {
  Alarm,
  AlarmRule,
  AlarmState,
  ComparisonOperator,
  CompositeAlarm,
  type IAlarm,
  type IMetric,
  MathExpression,
  TreatMissingData,
} from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import { acknowledge } from './acknowledge.ts';
import type { StageConfig } from './config.ts';

/** Every kind of alarm: a chapter of docs/runbook.md has its name. The text is what a person reads first. */
export const ALARM_KINDS = {
  'intake-stuck':
    'Files arrive and are not taken in. They wait; nothing is lost. Find what intake cannot handle, then send the messages back.',
  'dead-letters':
    'Events could not be handled five times over, or calls of the sweeper or the daily check failed. Read the log, put right what failed, send them back.',
  'oldest-event': 'An event of a landed file waits too long. Intake is behind, throttled or failing.',
  'function-errors':
    'Intake, the sweeper or the daily check ended with an error. The log of the function says which.',
  'function-throttles':
    'Functions were asked for more at once than their reserved concurrency allows. Events wait and come again.',
  'runs-failing': 'Runs end without publishing. Their files wait in the ledger.',
  'run-failed':
    'An execution of the state machine failed or timed out. Nothing of its run was published; look at `headgate runs show`.',
  'publish-conflict':
    'A run met another writer of its table, or values that its columns do not hold yet, and was given up; its files go into the next run. `headgate runs` says which.',
  'glue-waiting': 'A Spark run has waited or worked for an hour. Look at the capacity of the account.',
  'sweeper-stopped':
    'The sweeper has not run for ten minutes. What needs its help waits: expired leases, files without a run.',
  'notices-undelivered':
    'Messages for Slack or Teams were not taken. Check the addresses in the secret, then send the messages back.',
  'hold-waiting':
    'A batch failed its quality gate. Nothing of it is published until somebody decides: `headgate hold list`.',
  'quarantine-share': 'More rows than usual were refused. Look at the reasons: `headgate quarantine list`.',
  'arrival-missing':
    'Files that were due, or members of a file set, have not come. Ask the source; `headgate arrivals` says what is lacking.',
  'freshness-missed':
    'Nothing was published within what the contract promises. Ask the source, or look for files that were quarantined.',
} as const;

export type AlarmKind = keyof typeof ALARM_KINDS;

export interface Watch {
  readonly kind: AlarmKind;
  /** What it is about, where there are several of a kind. */
  readonly of?: string;
  readonly metric: IMetric;
  readonly threshold: number;
  /** @default at least */
  readonly when?: 'at least' | 'less than';
  /** Periods of the metric, all of which must be so. @default 1 */
  readonly periods?: number;
  /** What silence means. @default nothing is wrong */
  readonly silence?: 'well' | 'wrong';
  /** Page of the console below the region's, to look at. */
  readonly console: string;
}

/** Alarms with a name, what to do, the runbook's chapter and where to look. */
export class Alarms extends Construct {
  private readonly config: StageConfig;

  constructor(scope: Construct, id: string, config: StageConfig) {
    super(scope, id);
    this.config = config;
  }

  /** Tells `topic` unless a composite alarm does it instead. */
  watch(watch: Watch, topic?: ITopic): Alarm {
    const { kind, of, metric, threshold, when = 'at least', periods = 1, silence = 'well', console } = watch;
    const id = of === undefined ? kind : `${kind}-${of.replaceAll('/', '-')}`;
    const alarm = new Alarm(this, id, {
      alarmName: this.nameOf(id),
      alarmDescription: this.describe(kind, console),
      metric,
      threshold,
      evaluationPeriods: periods,
      datapointsToAlarm: periods,
      comparisonOperator:
        when === 'at least'
          ? ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD
          : ComparisonOperator.LESS_THAN_THRESHOLD,
      treatMissingData: silence === 'wrong' ? TreatMissingData.BREACHING : TreatMissingData.NOT_BREACHING,
    });
    if (topic !== undefined) tell(alarm, topic);
    else
      acknowledge(alarm, 'A composite alarm that holds it tells, so that one cause gives one message.', [
        'NIST.800.53.R5-CloudWatchAlarmAction',
        'HIPAA.Security-CloudWatchAlarmAction',
      ]);
    return alarm;
  }

  /** One message for one cause, however many of its signs are seen. */
  anyOf(kind: AlarmKind, signs: readonly IAlarm[], console: string, topic: ITopic): void {
    tell(
      new CompositeAlarm(this, kind, {
        compositeAlarmName: this.nameOf(kind),
        alarmDescription: this.describe(kind, console),
        alarmRule: AlarmRule.anyOf(...signs.map((sign) => AlarmRule.fromAlarm(sign, AlarmState.ALARM))),
      }),
      topic,
    );
  }

  private nameOf(id: string): string {
    return `headgate-${this.config.stage}-${id}`;
  }

  private describe(kind: AlarmKind, page: string): string {
    const { region } = Stack.of(this);
    return `${ALARM_KINDS[kind]} ${this.config.runbook}#${kind} https://${region}.console.aws.amazon.com/${page}`;
  }
}

function tell(alarm: Alarm | CompositeAlarm, topic: ITopic): void {
  alarm.addAlarmAction(new SnsAction(topic));
  alarm.addOkAction(new SnsAction(topic));
}

/** At most ten metrics: CloudWatch's limit for the expression of an alarm. */
export const sumOf = (metrics: readonly IMetric[], period: Duration): MathExpression =>
  new MathExpression({
    expression: metrics.map((_, index) => `FILL(m${index}, 0)`).join(' + '),
    usingMetrics: Object.fromEntries(metrics.map((metric, index) => [`m${index}`, metric])),
    period,
  });
