import { Duration, TimeZone } from 'aws-cdk-lib';
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import {
  ContextAttribute,
  Schedule,
  ScheduleExpression,
  ScheduleTargetInput,
} from 'aws-cdk-lib/aws-scheduler';
import { LambdaInvoke } from 'aws-cdk-lib/aws-scheduler-targets';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { acknowledge, acknowledgeStars, INLINE, INLINE_REASON } from './acknowledge.ts';

interface Scheduled {
  readonly function: IFunction;
  readonly deadLetters: Queue;
}

/** Which functions are called by the clock. */
export const SCHEDULES = {
  /** What is due and has not come, too: `tellOfMissing`. */
  sweeper: ScheduleExpression.rate(Duration.minutes(1)),
  mirror: ScheduleExpression.rate(Duration.minutes(5)),
  /** Half an hour after each midnight on earth, for the day's last files: the function knows whose day has ended. */
  quality: ScheduleExpression.cron({ minute: '30', timeZone: TimeZone.ETC_UTC }),
  retention: ScheduleExpression.cron({ hour: '2', minute: '10', timeZone: TimeZone.ETC_UTC }),
  /** The first call of a night begins the comparing, a later one publishes it; the others find nothing to do. */
  match: ScheduleExpression.cron({ minute: '0/15', hour: '1-6', timeZone: TimeZone.ETC_UTC }),
} as const;

export type ScheduledName = keyof typeof SCHEDULES;

/** What happens by the clock. */
export class Schedules extends Construct {
  constructor(scope: Construct, id: string, props: Readonly<Record<ScheduledName, Scheduled>>) {
    super(scope, id);
    const all = Object.values(props);
    const role = new Role(this, 'Role', { assumedBy: new ServicePrincipal('scheduler.amazonaws.com') });
    role.addToPolicy(
      new PolicyStatement({
        actions: ['lambda:InvokeFunction'],
        resources: all.map((each) => each.function.functionArn),
      }),
    );
    role.addToPolicy(
      new PolicyStatement({
        actions: ['sqs:SendMessage'],
        resources: all.map(({ deadLetters }) => deadLetters.queueArn),
      }),
    );
    acknowledgeStars(
      role,
      'The target of a schedule grants itself all versions of the function.',
      all.map((each) => `${each.function.functionArn}:*`),
    );
    acknowledge(role, INLINE_REASON, INLINE);
    for (const [name, schedule] of Object.entries(SCHEDULES)) {
      const { function: called, deadLetters } = props[name as ScheduledName];
      new Schedule(this, IDS[name as ScheduledName], {
        schedule,
        target: new LambdaInvoke(called, {
          role,
          deadLetterQueue: deadLetters,
          retryAttempts: 2,
          maxEventAge: Duration.hours(1),
          input: ScheduleTargetInput.fromObject({ time: ContextAttribute.scheduledTime }),
        }),
      });
    }
  }
}

const IDS: Readonly<Record<ScheduledName, string>> = {
  sweeper: 'Sweep',
  mirror: 'Mirror',
  quality: 'Quality',
  retention: 'Retention',
  match: 'Match',
};
