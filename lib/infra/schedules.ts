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

export interface SchedulesProps {
  readonly sweeper: Scheduled;
  readonly quality: Scheduled;
  readonly match: Scheduled;
}

/** What happens by the clock. Times are UTC, as the handlers' days are. */
export class Schedules extends Construct {
  constructor(scope: Construct, id: string, { sweeper, quality, match }: SchedulesProps) {
    super(scope, id);
    const role = new Role(this, 'Role', { assumedBy: new ServicePrincipal('scheduler.amazonaws.com') });
    role.addToPolicy(
      new PolicyStatement({
        actions: ['lambda:InvokeFunction'],
        resources: [sweeper, quality, match].map((each) => each.function.functionArn),
      }),
    );
    role.addToPolicy(
      new PolicyStatement({
        actions: ['sqs:SendMessage'],
        resources: [sweeper, quality, match].map((each) => each.deadLetters.queueArn),
      }),
    );
    acknowledgeStars(
      role,
      'The target of a schedule grants itself all versions of the function.',
      [sweeper, quality, match].map((each) => `${each.function.functionArn}:*`),
    );
    acknowledge(role, INLINE_REASON, INLINE);
    const at = (name: string, schedule: ScheduleExpression, { function: called, deadLetters }: Scheduled) =>
      new Schedule(this, name, {
        schedule,
        target: new LambdaInvoke(called, {
          role,
          deadLetterQueue: deadLetters,
          retryAttempts: 2,
          maxEventAge: Duration.hours(1),
          input: ScheduleTargetInput.fromObject({ time: ContextAttribute.scheduledTime }),
        }),
      });
    at('Sweep', ScheduleExpression.rate(Duration.minutes(1)), sweeper);
    // After midnight, with half an hour for the day's last files.
    at('Quality', ScheduleExpression.cron({ hour: '0', minute: '30', timeZone: TimeZone.ETC_UTC }), quality);
    // The first call of a night begins the comparing, a later one publishes it; the others find nothing to do.
    const nightly = { minute: '0/15', hour: '1-6', timeZone: TimeZone.ETC_UTC };
    at('Match', ScheduleExpression.cron(nightly), match);
  }
}
