import { ArnFormat, Duration, Stack, type StackProps } from 'aws-cdk-lib';
import type { IFunction, Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import type { IBucket } from 'aws-cdk-lib/aws-s3';
import type { Topic } from 'aws-cdk-lib/aws-sns';
import { LambdaSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import { StringParameter } from 'aws-cdk-lib/aws-ssm';
import { Trigger } from 'aws-cdk-lib/triggers';
import type { Construct } from 'constructs';
import type { StageConfig } from './config.ts';
import { type DataStack, removalOfNamed } from './data-stack.ts';
import { type Definition, timeoutOf } from './definition.ts';
import type { Setting } from './functions.ts';
import { jobName, matchJobName, SparkJob } from './glue-job.ts';
import { Grants } from './grants.ts';
import { IntakeQueue } from './intake-queue.ts';
import { noticesTopic } from './notices.ts';
import { FUNCTIONS, type FunctionSpec, GLUE_ACTIONS, MATCH_ACTIONS } from './permissions.ts';
import { Schedules } from './schedules.ts';
import { ServiceFunction } from './service-function.ts';
import { ALIAS, machineName, PipelineMachine } from './state-machine.ts';
import { grantTagging } from './tag-grants.ts';

export interface PipelineStackProps extends StackProps {
  readonly config: StageConfig;
  readonly data: DataStack;
  readonly databases: readonly string[];
  readonly views: readonly string[];
  readonly definition: Definition;
  /** Folder with the bundles. */
  readonly bundles: string;
  /** Folder of the Glue jobs' scripts, and the additional modules of each. */
  readonly spark: { readonly scripts: string; readonly modules: string; readonly matchModules: string };
}

const LONGEST_SECONDS = 900;

/** Everything that acts: it may be thrown away and deployed again. */
export class PipelineStack extends Stack {
  readonly topic: Topic;
  readonly functions: ReadonlyMap<string, ServiceFunction>;
  readonly intakeQueue: IntakeQueue;
  readonly pipeline: PipelineMachine;
  /** Name of the Glue job. */
  readonly jobName: string;

  constructor(scope: Construct, id: string, props: PipelineStackProps) {
    const { config, data, databases, views, definition, bundles, spark, ...stackProps } = props;
    super(scope, id, stackProps);
    this.jobName = jobName(config);
    const name = machineName(config);
    this.topic = noticesTopic(this, 'Notices', { name: `${name}-notices`, key: data.keys.platform });
    // Written out, as the functions that the machine calls may name it.
    const aliasArn = this.formatArn({
      service: 'states',
      resource: 'stateMachine',
      resourceName: `${name}:${ALIAS}`,
      arnFormat: ArnFormat.COLON_RESOURCE_NAME,
    });
    const grants = new Grants(this, {
      data,
      topic: this.topic,
      machine: { name, aliasArn },
      matchJob: matchJobName(config),
      databases,
      views,
      removalPolicy: removalOfNamed(config),
    });
    const settings = settingsOf(config, data, { topicArn: this.topic.topicArn, stateMachineArn: aliasArn });
    this.functions = new Map(
      FUNCTIONS.map((spec) => [
        spec.name,
        new ServiceFunction(this, capitalised(spec.name), {
          spec,
          config,
          grants,
          bundles,
          settings: {
            ...settings,
            stage: config.stage,
            memory: `${duckDbMemory(config)}MB`,
            webhookSecret: data.webhooks.secretName,
            matchJob: matchJobName(config),
            sparkFromBytes: String(config.glue.fromMb * 1e6),
          },
          timeout: spec.state === undefined ? LONGEST_SECONDS : timeoutOf(definition, spec.state),
          ...shapeOf(spec, config),
        }),
      ]),
    );
    this.pipeline = new PipelineMachine(this, 'Pipeline', {
      config,
      grants,
      definition,
      aliasArn,
      functions: new Map([...this.functions].map(([each, made]) => [each, made.function as IFunction])),
    });
    this.intakeQueue = new IntakeQueue(this, 'Intakes', {
      landing: data.buckets.landing as IBucket,
      intake: this.functionOf('intake').function,
      timeout: LONGEST_SECONDS,
      concurrency: config.lambda.intake.concurrency,
    });
    new Schedules(this, 'Schedules', {
      sweeper: this.scheduled('sweeper'),
      mirror: this.scheduled('mirror'),
      quality: this.scheduled('quality'),
      retention: this.scheduled('retention'),
      match: this.scheduled('match'),
    });
    const slack = this.scheduled('slack');
    this.topic.addSubscription(
      new LambdaSubscription(slack.function, { deadLetterQueue: slack.deadLetters }),
    );
    const { scripts, modules, matchModules } = spark;
    new SparkJob(this, 'Spark', {
      ...{ config, grants, scripts, modules },
      name: this.jobName,
      script: 'run_plan.py',
      actions: GLUE_ACTIONS,
    });
    new SparkJob(this, 'Matching', {
      ...{ config, grants, scripts, modules: matchModules },
      name: matchJobName(config),
      script: 'match_records.py',
      actions: MATCH_ACTIONS,
    });
    new StringParameter(this, 'Settings', {
      parameterName: `/headgate/${config.stage}/settings`,
      description: 'Names of this stage, read by `headgate --env`',
      stringValue: this.toJsonString({ stage: config.stage, ...settings }),
    });
    // Runs again whenever its bundle changes, which holds the contracts and the views. The deploy fails where they can't be followed.
    const sync = this.functionOf('sync');
    new Trigger(this, 'SyncOnDeploy', {
      handler: sync.function,
      timeout: Duration.seconds(LONGEST_SECONDS),
      executeAfter: [sync.role, ...grantTagging(this, { role: sync.role, config })],
    });
  }

  functionOf(name: string): ServiceFunction {
    const found = this.functions.get(name);
    if (found === undefined) throw new Error(`the function ${name} is not made`);
    return found;
  }

  deadLettersOf(name: string): Queue {
    const { deadLetters } = this.functionOf(name);
    if (deadLetters === undefined) throw new Error(`the function ${name} keeps no events that fail`);
    return deadLetters;
  }

  private scheduled(name: string): { function: LambdaFunction; deadLetters: Queue } {
    return { function: this.functionOf(name).function, deadLetters: this.deadLettersOf(name) };
  }
}

const settingsOf = (
  { stage }: StageConfig,
  { buckets, ledger, workgroup }: DataStack,
  arns: { readonly topicArn: string; readonly stateMachineArn: string },
) =>
  ({
    landingBucket: buckets.landing.bucketName,
    rawBucket: buckets.raw.bucketName,
    lakeBucket: buckets.lake.bucketName,
    vaultBucket: buckets.vault.bucketName,
    resultsBucket: buckets.results.bucketName,
    ledgerTable: ledger.tableName,
    secretPrefix: `headgate/${stage}/`,
    workgroup,
    ...arns,
  }) satisfies Partial<Record<Setting, string>>;

/** DuckDB's share: the rest is for Node, the SDK's buffers and what DuckDB does not count. */
const duckDbMemory = ({ lambda }: StageConfig): number => Math.floor(lambda.execute.memoryMb * 0.6);

const MEMORY_MB = 512;

/** One sweep and one daily look at a time; runs and intakes as many as configured; tasks are bounded by the locks of the datasets. */
function shapeOf({ name }: FunctionSpec, { lambda: { execute, intake } }: StageConfig) {
  switch (name) {
    case 'execute':
      return execute;
    case 'intake':
      return intake;
    case 'match':
      return { ...execute, concurrency: 1, asynchronous: true };
    case 'sweeper':
    case 'mirror':
    case 'retention':
    case 'quality':
      return { memoryMb: MEMORY_MB, concurrency: 1, asynchronous: true };
    case 'slack':
      return { memoryMb: MEMORY_MB, asynchronous: true };
    default:
      return { memoryMb: MEMORY_MB };
  }
}

const capitalised = (name: string): string => name.replace(/^./, (first) => first.toUpperCase());
