import { join } from 'node:path';
import { Duration, Size } from 'aws-cdk-lib';
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Architecture, Code, Function as LambdaFunction, Runtime, Tracing } from 'aws-cdk-lib/aws-lambda';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { acknowledge, acknowledgeStars, inSecurityPacks } from './acknowledge.ts';
import type { StageConfig } from './config.ts';
import { OPTIONAL, type Setting, VARIABLES } from './functions.ts';
import type { Grants } from './grants.ts';
import type { FunctionSpec } from './permissions.ts';

export interface ServiceFunctionProps {
  readonly spec: FunctionSpec;
  readonly config: StageConfig;
  readonly grants: Grants;
  /** Value of every setting. */
  readonly settings: Readonly<Partial<Record<Setting, string>>>;
  /** Folder with the bundles, one folder a function. */
  readonly bundles: string;
  /** Seconds. */
  readonly timeout: number;
  readonly memoryMb: number;
  /** @default 512, what Lambda gives without charge */
  readonly scratchMb?: number;
  /** Executions at once, taken out of the account's. @default not limited */
  readonly concurrency?: number;
  /** Whether events that fail in the end are kept: for functions that are called without anybody waiting for the answer. @default false */
  readonly asynchronous?: boolean;
}

/** One function: its bundle, its log, its role with what permissions.ts names and nothing else. */
export class ServiceFunction extends Construct {
  readonly function: LambdaFunction;
  readonly role: Role;
  /** Where events wait that could not be handled. */
  readonly deadLetters?: Queue;

  constructor(scope: Construct, id: string, props: ServiceFunctionProps) {
    super(scope, id);
    const { spec, config, grants } = props;
    const name = `headgate-${config.stage}-${spec.name}`;
    const log = new LogGroup(this, 'Log', {
      logGroupName: `/headgate/${config.stage}/${spec.name}`,
      retention: config.logDays,
      encryptionKey: grants.platformKey,
      removalPolicy: grants.removalPolicy,
    });
    this.role = new Role(this, 'Role', {
      assumedBy: new ServicePrincipal('lambda.amazonaws.com'),
      description: `What ${name} may do`,
    });
    this.role.addToPolicy(
      new PolicyStatement({
        actions: ['logs:CreateLogStream', 'logs:PutLogEvents'],
        resources: [log.logGroupArn],
      }),
    );
    grants.give(this.role, spec.actions);
    acknowledgeStars(this.role, 'X-Ray knows no resource for what a function sends it.', ['*']);
    if (props.asynchronous === true) this.deadLetters = deadLetterQueue(this, 'DeadLetters');
    this.function = new LambdaFunction(this, 'Function', {
      functionName: name,
      description: `Headgate ${config.stage}: ${spec.name}`,
      runtime: Runtime.NODEJS_24_X,
      architecture: config.lambda.architecture === 'arm64' ? Architecture.ARM_64 : Architecture.X86_64,
      handler: 'index.handler',
      code: Code.fromAsset(join(props.bundles, spec.name)),
      role: this.role,
      logGroup: log,
      tracing: Tracing.ACTIVE,
      timeout: Duration.seconds(props.timeout),
      memorySize: props.memoryMb,
      ephemeralStorageSize: Size.mebibytes(props.scratchMb ?? 512),
      environment: {
        ...environmentOf(spec, props.settings),
        POWERTOOLS_SERVICE_NAME: `headgate-${config.stage}`,
      },
      ...(props.concurrency === undefined ? {} : { reservedConcurrentExecutions: props.concurrency }),
      ...(this.deadLetters === undefined ? {} : { deadLetterQueue: this.deadLetters, retryAttempts: 2 }),
    });
    this.explain(props);
  }

  private explain({ asynchronous, concurrency }: ServiceFunctionProps): void {
    acknowledge(
      this.function,
      'Calls public endpoints of AWS and of the chat only, with its role and TLS; nothing listens. In a network of ours it would need a NAT gateway or ten interface endpoints, 30 to 80 USD a month.',
      inSecurityPacks('LambdaInsideVPC'),
    );
    if (concurrency === undefined)
      acknowledge(
        this.function,
        'Bounded by what calls it: one run to a dataset at a time (the lock in the ledger), one message to a notice. Reserving would take from the account what other functions need.',
        inSecurityPacks('LambdaConcurrency'),
      );
    if (asynchronous === true)
      acknowledge(
        this.function,
        'Its dead letter queue holds what failed in the end; a destination would be the same a second time.',
        ['Serverless-LambdaAsyncFailureDestination'],
      );
    else
      acknowledge(
        this.function,
        'Who calls it waits for the answer: the state machine retries and catches, the queue redrives, a deploy fails. Lambda uses a dead letter queue for asynchronous calls only.',
        [...inSecurityPacks('LambdaDLQ'), 'Serverless-LambdaDLQ'],
      );
  }
}

/** Where messages end that nothing could take. An alarm watches each. */
export function deadLetterQueue(scope: Construct, id: string): Queue {
  const queue = new Queue(scope, id, {
    encryption: QueueEncryption.SQS_MANAGED,
    enforceSSL: true,
    retentionPeriod: Duration.days(14),
  });
  acknowledge(queue, 'It is the end of the line itself.', [
    'Serverless-SQSRedrivePolicy',
    'AwsSolutions-SQS3',
  ]);
  return queue;
}

function environmentOf(
  { name, variables }: FunctionSpec,
  settings: ServiceFunctionProps['settings'],
): Record<string, string> {
  return Object.fromEntries(
    variables.flatMap((setting) => {
      const value = settings[setting];
      if (value !== undefined) return [[VARIABLES[setting], value]];
      if (OPTIONAL.includes(setting)) return [];
      throw new Error(`nothing sets ${VARIABLES[setting]} of the function ${name}`);
    }),
  );
}
