import { describe, expect, test } from '@jest/globals';
import { Template } from 'aws-cdk-lib/assertions';
import { settings } from '../../lib/adapters/aws/settings.ts';
import { deployed, timeoutOf } from '../../lib/infra/definition.ts';
import { OPTIONAL, VARIABLES } from '../../lib/infra/functions.ts';
import { keyUses } from '../../lib/infra/grants.ts';
import { FUNCTIONS, type FunctionSpec, GLUE_ACTIONS } from '../../lib/infra/permissions.ts';
import { configOf, definition, resourcesOf, stacksOf } from '../support/stacks.ts';

const { data, pipeline } = stacksOf(configOf('dev'));
const template = Template.fromStack(pipeline);
const functions = resourcesOf(template, 'AWS::Lambda::Function').filter(({ Properties }) =>
  String(Properties.FunctionName).startsWith('headgate-dev-'),
);
const functionOf = (name: string) => {
  const found = functions.find(({ Properties }) => Properties.FunctionName === `headgate-dev-${name}`);
  if (found === undefined) throw new Error(`no function ${name}`);
  return found.Properties;
};

interface Statement {
  readonly Action: string | readonly string[];
  readonly Resource: unknown;
}

/** Every action that the policies of a role allow. */
function actionsOf(role: string): readonly string[] {
  const policies = [
    ...resourcesOf(template, 'AWS::IAM::Policy'),
    ...resourcesOf(template, 'AWS::IAM::ManagedPolicy'),
  ];
  const mine = policies.filter(({ Properties }) =>
    (Properties.Roles as { Ref: string }[] | undefined)?.some(({ Ref }) => Ref === role),
  );
  const statements = mine.flatMap(
    ({ Properties }) => (Properties.PolicyDocument as { Statement: readonly Statement[] }).Statement,
  );
  return [...new Set(statements.flatMap(({ Action }) => Action))].sort();
}

const roleOf = (name: string) => (functionOf(name).Role as { 'Fn::GetAtt': [string] })['Fn::GetAtt'][0];

/** What a function may do beside permissions.ts, by what calls it. */
const BESIDES: Readonly<Record<string, readonly string[]>> = {
  intake: [
    'sqs:ChangeMessageVisibility',
    'sqs:DeleteMessage',
    'sqs:GetQueueAttributes',
    'sqs:GetQueueUrl',
    'sqs:ReceiveMessage',
  ],
  sweeper: ['sqs:SendMessage'],
  mirror: ['sqs:SendMessage'],
  retention: ['sqs:SendMessage'],
  quality: ['sqs:SendMessage'],
  match: ['sqs:SendMessage'],
  slack: ['sqs:SendMessage'],
};
const EVERY = [
  'logs:CreateLogStream',
  'logs:PutLogEvents',
  'xray:PutTelemetryRecords',
  'xray:PutTraceSegments',
];
/** Resources whose content is encrypted with a key of ours. */
const ENCRYPTED = [
  'raw objects',
  'lake objects',
  'vault objects',
  'results objects',
  'ledger table objects',
  'ledger',
  'topic',
  'key secret',
  'webhook secret',
];

const expectedActions = (actions: FunctionSpec['actions']) => [
  ...actions.flatMap(([, names]) => names),
  ...actions.flatMap(([resource, names]) => (ENCRYPTED.includes(resource) ? keyUses(names) : [])),
];

describe('functions', () => {
  test.each(FUNCTIONS)('$name may do what permissions.ts says, and nothing else', ({ name, actions }) => {
    const expected = [...expectedActions(actions), ...EVERY, ...(BESIDES[name] ?? [])];
    expect(actionsOf(roleOf(name))).toEqual([...new Set(expected)].sort());
  });

  test.each(FUNCTIONS)('$name is given every variable that it reads', ({ name, variables }) => {
    const given = Object.keys((functionOf(name).Environment as { Variables: object }).Variables);
    const needed = variables.filter((each) => !OPTIONAL.includes(each)).map((each) => VARIABLES[each]);
    expect(given).toEqual(expect.arrayContaining(needed));
    expect(
      given.filter(
        (each) => each.startsWith('HEADGATE_') && !variables.some((one) => VARIABLES[one] === each),
      ),
    ).toEqual([]);
  });

  test('have roles of their own', () => {
    expect(new Set(FUNCTIONS.map(({ name }) => roleOf(name))).size).toBe(FUNCTIONS.length);
  });

  test('run on Node 24 on ARM, are traced, and keep their logs as long as configured, encrypted', () => {
    for (const { Properties } of functions)
      expect(Properties).toMatchObject({
        Runtime: 'nodejs24.x',
        Architectures: ['arm64'],
        TracingConfig: { Mode: 'Active' },
        LoggingConfig: { LogGroup: { Ref: expect.any(String) } },
      });
    const logs = resourcesOf(template, 'AWS::Logs::LogGroup');
    expect(logs).toHaveLength(FUNCTIONS.length + 1);
    for (const { Properties } of logs)
      expect(Properties).toMatchObject({ RetentionInDays: 30, KmsKeyId: expect.anything() });
  });

  test('are limited in number where that protects something', () => {
    const reserved = Object.fromEntries(
      FUNCTIONS.flatMap(({ name }) => {
        const limit = functionOf(name).ReservedConcurrentExecutions;
        return limit === undefined ? [] : [[name, limit]];
      }),
    );
    expect(reserved).toEqual({
      intake: 10,
      execute: 10,
      match: 1,
      sweeper: 1,
      quality: 1,
      mirror: 1,
      retention: 1,
    });
  });

  test('that nobody waits for keep what failed', () => {
    const kept = FUNCTIONS.filter(({ name }) => functionOf(name).DeadLetterConfig !== undefined);
    expect(kept.map(({ name }) => name).sort()).toEqual([
      'match',
      'mirror',
      'quality',
      'retention',
      'slack',
      'sweeper',
    ]);
  });

  test('DuckDB has the memory and room that the configuration says', () => {
    expect(functionOf('execute')).toMatchObject({
      MemorySize: 2048,
      EphemeralStorage: { Size: 2048 },
      Timeout: 900,
      Environment: { Variables: { HEADGATE_MEMORY: '1228MB' } },
    });
  });
});

describe('intake', () => {
  test('takes events from a queue that gives up after five times, and may be given them again', () => {
    const queue = resourcesOf(template, 'AWS::SQS::Queue').find(({ id }) => id.startsWith('IntakesQueue'));
    expect(queue?.Properties).toMatchObject({
      SqsManagedSseEnabled: true,
      VisibilityTimeout: 960,
      RedrivePolicy: {
        maxReceiveCount: 5,
        deadLetterTargetArn: { 'Fn::GetAtt': [expect.stringMatching(/^IntakesDeadLetters/), 'Arn'] },
      },
    });
    template.hasResourceProperties('AWS::Lambda::EventSourceMapping', {
      FunctionResponseTypes: ['ReportBatchItemFailures'],
      ScalingConfig: { MaximumConcurrency: 10 },
    });
  });

  test('wakes nobody for an event that failed once: it comes again before it counts as too old', () => {
    for (const { alarms } of ['dev', 'uat', 'prod'].map(configOf)) {
      const queue = resourcesOf(template, 'AWS::SQS::Queue').find(({ id }) => id.startsWith('IntakesQueue'));
      expect(alarms.oldestEventMinutes * 60).toBeGreaterThan(Number(queue?.Properties.VisibilityTimeout));
    }
    expect(functionOf('intake').Timeout).toBe(900);
  });

  test('hears of objects in landing only, and an event that cannot be put into the queue is kept', () => {
    const [rule] = resourcesOf(template, 'AWS::Events::Rule');
    expect(rule?.Properties).toMatchObject({
      EventPattern: {
        source: ['aws.s3'],
        'detail-type': ['Object Created'],
        detail: { bucket: { name: [{ 'Fn::ImportValue': expect.stringContaining('BucketsLanding') }] } },
      },
      Targets: [
        {
          DeadLetterConfig: { Arn: { 'Fn::GetAtt': [expect.stringMatching(/^IntakesUndelivered/), 'Arn'] } },
        },
      ],
    });
  });

  test('every queue is encrypted and speaks TLS only', () => {
    const queues = resourcesOf(template, 'AWS::SQS::Queue');
    expect(queues.every(({ Properties }) => Properties.SqsManagedSseEnabled === true)).toBe(true);
    const guarded = resourcesOf(template, 'AWS::SQS::QueuePolicy')
      .filter(({ Properties }) =>
        JSON.stringify(Properties.PolicyDocument).includes('"aws:SecureTransport":"false"'),
      )
      .flatMap(({ Properties }) => (Properties.Queues as { Ref: string }[]).map(({ Ref }) => Ref));
    expect([...new Set(guarded)].sort()).toEqual(queues.map(({ id }) => id).sort());
  });
});

describe('the state machine', () => {
  const [machine] = resourcesOf(template, 'AWS::StepFunctions::StateMachine');
  const DEPLOYMENT = { JobName: 'the-job', StateMachineArn: 'the-alias' };
  const SERVICES: Readonly<Record<string, string>> = {
    Spark: 'arn:aws:states:::glue:startJobRun.sync',
    HandOver: 'arn:aws:states:::states:startExecution',
  };

  test('is pipeline.asl.json with the deployed functions', () => {
    const made = deployed(definition, FUNCTIONS, (name) => `arn:${name}`, DEPLOYMENT);
    const tasks = Object.entries(made.States).filter(([, { Type }]) => Type === 'Task');
    expect(tasks.map(([name, { Resource }]) => [name, Resource])).toEqual(
      tasks.map(([name]) => [name, SERVICES[name] ?? `arn:${name.toLowerCase()}`]),
    );
    expect(made.States.Spark?.Parameters).toMatchObject({ JobName: 'the-job' });
    expect(made.States.HandOver?.Parameters).toMatchObject({ StateMachineArn: 'the-alias' });
    expect(JSON.stringify(machine?.Properties.DefinitionString)).not.toContain('000000000000');
    expect(JSON.stringify({ ...made, States: undefined })).toBe(
      JSON.stringify({ ...definition, States: undefined }),
    );
  });

  test('is not made where a task has no function, or a function no task', () => {
    expect(() => deployed(definition, FUNCTIONS.slice(2), String, DEPLOYMENT)).toThrow(
      /no function is made for the task Claim/,
    );
    const stray = [...FUNCTIONS, { name: 'x', state: 'Dream', variables: [], actions: [] }];
    expect(() => deployed(definition, stray, String, DEPLOYMENT)).toThrow(/Dream is no task/);
  });

  test('may call its functions, run its job, and start itself by its alias', () => {
    const role = resourcesOf(template, 'AWS::IAM::Role').find(({ id }) => id.startsWith('PipelineRole'));
    const own = actionsOf(role?.id ?? '').filter((action) => !/^(logs|xray):/.test(action));
    expect(own).toEqual([
      'glue:BatchStopJobRun',
      'glue:GetJobRun',
      'glue:GetJobRuns',
      'glue:StartJobRun',
      'lambda:InvokeFunction',
      'states:StartExecution',
    ]);
    const statements = resourcesOf(template, 'AWS::IAM::Policy')
      .filter(({ id }) => id.startsWith('PipelineRole'))
      .flatMap(({ Properties }) => (Properties.PolicyDocument as { Statement: Statement[] }).Statement);
    const start = statements.find(({ Action }) => Action === 'states:StartExecution');
    expect(JSON.stringify(start?.Resource)).toMatch(/stateMachine:headgate-dev:live"/);
  });

  test('logs all, is traced, and every revision is a version behind the alias', () => {
    expect(machine?.Properties).toMatchObject({
      StateMachineName: 'headgate-dev',
      LoggingConfiguration: { Level: 'ALL', IncludeExecutionData: true },
      TracingConfiguration: { Enabled: true },
    });
    const [version] = resourcesOf(template, 'AWS::StepFunctions::StateMachineVersion');
    expect(version?.DeletionPolicy).toBe('Retain');
    template.hasResourceProperties('AWS::StepFunctions::StateMachineAlias', { Name: 'live' });
  });

  test('gives a function the time of its state, 15 minutes at most', () => {
    expect(timeoutOf(definition, 'Execute')).toBe(900);
    expect(timeoutOf({ ...definition, States: { A: { Type: 'Task', TimeoutSeconds: 60 } } }, 'A')).toBe(60);
  });
});

test('the Glue job waits for capacity, takes only the workers it needs, ends in time and encrypts what it logs', () => {
  template.hasResourceProperties('AWS::Glue::Job', {
    GlueVersion: '5.1',
    JobRunQueuingEnabled: true,
    Timeout: 360,
    MaxRetries: 0,
    DefaultArguments: { '--enable-auto-scaling': 'true', '--additional-python-modules': 'duckdb==1.5.6' },
    SecurityConfiguration: 'headgate-dev-run-plan',
  });
  const role = resourcesOf(template, 'AWS::IAM::Role').find(({ id }) => id.startsWith('SparkRole'));
  expect(actionsOf(role?.id ?? '')).toEqual(
    [
      ...new Set([
        ...expectedActions(GLUE_ACTIONS),
        'logs:AssociateKmsKey',
        'logs:CreateLogGroup',
        'logs:CreateLogStream',
        'logs:PutLogEvents',
        'cloudwatch:PutMetricData',
      ]),
    ].sort(),
  );
});

test('the sweeper runs every minute, the ledger is copied every five, days are looked at after each midnight, retention and matching act at night', () => {
  const schedules = resourcesOf(template, 'AWS::Scheduler::Schedule').map(({ Properties }) => Properties);
  expect(schedules.map(({ ScheduleExpression }) => ScheduleExpression)).toEqual([
    'rate(1 minute)',
    'rate(5 minutes)',
    'cron(30 * * * ? *)',
    'cron(10 2 * * ? *)',
    'cron(0/15 1-6 * * ? *)',
  ]);
  for (const { Target } of schedules)
    expect(Target).toMatchObject({
      Input: '{"time":"<aws.scheduler.scheduled-time>"}',
      DeadLetterConfig: expect.anything(),
    });
});

test('notices are encrypted and reach the slack function, whose failures are kept', () => {
  template.hasResourceProperties('AWS::SNS::Topic', { TopicName: 'headgate-dev-notices' });
  const [topic] = resourcesOf(template, 'AWS::SNS::Topic');
  expect(topic?.Properties.KmsMasterKeyId).toBeDefined();
  const [subscription] = resourcesOf(template, 'AWS::SNS::Subscription');
  expect(subscription?.Properties).toMatchObject({ Protocol: 'lambda', RedrivePolicy: expect.anything() });
});

test('the stage writes its names down as `headgate --env` reads them, strictly', () => {
  const [parameter] = resourcesOf(template, 'AWS::SSM::Parameter');
  expect(parameter?.Properties.Name).toBe('/headgate/dev/settings');
  const value = parameter?.Properties.Value as string | { 'Fn::Join': [string, readonly unknown[]] };
  // What CloudFormation fills in is a name or an ARN.
  const text =
    typeof value === 'string'
      ? value
      : value['Fn::Join'][1]
          .map((part) =>
            typeof part === 'string'
              ? part
              : JSON.stringify(part).includes('Arn') || JSON.stringify(part).includes('Notices')
                ? 'arn:aws:x'
                : 'name',
          )
          .join('');
  expect(settings.safeParse(JSON.parse(text))).toMatchObject({ success: true });
});

test('what has a name goes when the deploy that makes it fails, or the next one would find the name taken', () => {
  const { access, data, observability, pipeline } = stacksOf(configOf('prod'));
  const named = [access, data, observability, pipeline]
    .flatMap((stack) => resourcesOf(Template.fromStack(stack)))
    .filter(({ Properties = {} }) =>
      [
        ...Object.entries(Properties),
        ...Object.entries((Properties.DatabaseInput as object | undefined) ?? {}),
      ].some(([key, value]) => /^(.*Name|Name)$/.test(key) && typeof value === 'string'),
    );
  expect(named.length).toBeGreaterThan(80);
  expect(named.filter(({ DeletionPolicy }) => DeletionPolicy === 'Retain').map(({ id }) => id)).toEqual([]);
  const logs = named.filter(({ Type }) => Type === 'AWS::Logs::LogGroup');
  expect(new Set(logs.map((each) => each.DeletionPolicy))).toEqual(new Set(['RetainExceptOnCreate']));
});

test('every deploy makes tables and views follow, by the bundle that is deployed', () => {
  template.hasResourceProperties('Custom::Trigger', { InvocationType: 'RequestResponse', Timeout: '900000' });
  expect(data.stackName).toBe('headgate-dev-data');
});
