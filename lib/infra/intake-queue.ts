import { Duration } from 'aws-cdk-lib';
import { Rule } from 'aws-cdk-lib/aws-events';
import { SqsQueue } from 'aws-cdk-lib/aws-events-targets';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import { SqsEventSource } from 'aws-cdk-lib/aws-lambda-event-sources';
import type { IBucket } from 'aws-cdk-lib/aws-s3';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { acknowledge } from './acknowledge.ts';
import { deadLetterQueue } from './service-function.ts';

export interface IntakeQueueProps {
  readonly landing: IBucket;
  readonly intake: LambdaFunction;
  /** Seconds that intake may take. */
  readonly timeout: number;
  readonly concurrency: number;
}

const BATCH = 10;
const RECEIVES = 5;

/** Objects created in landing, told by EventBridge, waiting for intake. What fails five times waits in the dead letter queue, from where it may be sent back. */
export class IntakeQueue extends Construct {
  readonly queue: Queue;
  readonly deadLetters: Queue;
  /** Events that could not be put into the queue. */
  readonly undelivered: Queue;

  constructor(scope: Construct, id: string, { landing, intake, timeout, concurrency }: IntakeQueueProps) {
    super(scope, id);
    this.deadLetters = deadLetterQueue(this, 'DeadLetters');
    this.queue = new Queue(this, 'Queue', {
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      retentionPeriod: Duration.days(14),
      // What failed comes again when this has ended. The six times the function's timeout that Lambda's guide advises are for batches that wait because
      // the function is throttled; here the queue asks for no more at once than is reserved, and an event handled twice changes nothing.
      visibilityTimeout: Duration.seconds(timeout + 60),
      deadLetterQueue: { queue: this.deadLetters, maxReceiveCount: RECEIVES },
    });
    this.undelivered = deadLetterQueue(this, 'Undelivered');
    new Rule(this, 'Created', {
      description: 'An object was created in landing',
      eventPattern: {
        source: ['aws.s3'],
        detailType: ['Object Created'],
        detail: { bucket: { name: [landing.bucketName] } },
      },
      targets: [new SqsQueue(this.queue, { deadLetterQueue: this.undelivered })],
    });
    intake.addEventSource(
      new SqsEventSource(this.queue, {
        batchSize: BATCH,
        reportBatchItemFailures: true,
        maxConcurrency: concurrency,
      }),
    );
    acknowledge(
      intake,
      "Lambda has no such destination for queues: the queue's own redrive policy is the way.",
      ['Serverless-LambdaEventSourceMappingDestination'],
    );
  }
}
