import type { Setting } from './functions.ts';

/** What an action is allowed on. `objects` of a bucket, or the bucket itself; `executions` of the state machine; `tables` of the contracts' databases, `views` of the marts', `ledger tables` of `headgate`. */
export type Resource =
  | 'landing'
  | 'landing objects'
  | 'raw'
  | 'raw objects'
  | 'lake'
  | 'lake objects'
  | 'vault'
  | 'vault objects'
  | 'results'
  | 'results objects'
  | 'ledger'
  | 'topic'
  | 'state machine'
  | 'executions'
  | 'tables'
  | 'views'
  | 'ledger tables'
  /** The account's database `default`, which every query of Athena looks up. */
  | 'default database'
  | 'ledger table objects'
  | 'key secret'
  | 'webhook secret'
  | 'workgroup'
  | 'column tags'
  /** What the comparing of records needs, in the vault's bucket. */
  | 'match objects'
  | 'match job';

export interface FunctionSpec {
  /** Folder below lambdas/. */
  readonly name: string;
  /** Task state of pipeline.asl.json, where it is one. */
  readonly state?: string;
  /** Variables that the handler reads; names in functions.ts. */
  readonly variables: readonly Setting[];
  readonly actions: readonly (readonly [Resource, readonly string[]])[];
}

const READ_OBJECT = ['s3:GetObject'];
/** Sending in parts needs no more than PutObject; giving up needs AbortMultipartUpload. */
const WRITE_OBJECT = ['s3:PutObject', 's3:AbortMultipartUpload'];
/** Without ListBucket S3 answers 403 and not 404 for an object that is not there. */
const LIST = ['s3:ListBucket'];
/** TransactWriteItems is allowed by the actions of its parts. */
const LEDGER: FunctionSpec['actions'][number] = [
  'ledger',
  [
    'dynamodb:GetItem',
    'dynamodb:Query',
    'dynamodb:UpdateItem',
    'dynamodb:DeleteItem',
    'dynamodb:ConditionCheckItem',
  ],
];
const RUN_VARIABLES: readonly Setting[] = [
  'rawBucket',
  'lakeBucket',
  'vaultBucket',
  'resultsBucket',
  'ledgerTable',
  'topicArn',
  'datasets',
];
const JOB_VARIABLES: readonly Setting[] = [...RUN_VARIABLES, 'secretPrefix'];
const TELL: FunctionSpec['actions'][number] = ['topic', ['sns:Publish']];
const MAKE_TABLES: FunctionSpec['actions'] = [
  ['lake', LIST],
  ['vault', LIST],
  ['lake objects', [...READ_OBJECT, ...WRITE_OBJECT, 's3:DeleteObject']],
  ['vault objects', [...READ_OBJECT, ...WRITE_OBJECT, 's3:DeleteObject']],
  ['tables', ['glue:GetTable', 'glue:GetTables', 'glue:CreateTable', 'glue:CreateDatabase']],
];
const ASK = [
  'athena:StartQueryExecution',
  'athena:GetQueryExecution',
  'athena:GetQueryResults',
  'athena:StopQueryExecution',
];
/** https://docs.aws.amazon.com/athena/latest/ug/fine-grained-access-to-glue-resources.html#full-access-to-default-db-per-region */
const DEFAULT_DATABASE: FunctionSpec['actions'][number] = ['default database', ['glue:GetDatabase']];
const MAKE_AND_CHANGE = ['glue:GetTable', 'glue:CreateTable', 'glue:CreateDatabase', 'glue:UpdateTable'];
const DOCUMENTS: FunctionSpec['actions'] = [
  ['results', LIST],
  ['results objects', READ_OBJECT],
];

/** Metadata that another writer was faster than is removed again. */
const CHANGE_TABLES: FunctionSpec['actions'] = [
  ['lake', LIST],
  ['vault', LIST],
  ['lake objects', [...READ_OBJECT, ...WRITE_OBJECT, 's3:DeleteObject']],
  ['vault objects', [...READ_OBJECT, ...WRITE_OBJECT, 's3:DeleteObject']],
  ['tables', ['glue:GetTable', 'glue:UpdateTable']],
];

/** Whether a run that failed has committed anything: plan, pointers, metadata. */
const LOOK_INTO_TABLES: FunctionSpec['actions'] = [
  ...DOCUMENTS,
  ['lake', LIST],
  ['vault', LIST],
  ['lake objects', READ_OBJECT],
  ['vault objects', READ_OBJECT],
  ['tables', ['glue:GetTable']],
];

const task = (state: string, actions: FunctionSpec['actions']): FunctionSpec => ({
  name: state.toLowerCase(),
  state,
  variables: RUN_VARIABLES,
  actions: [LEDGER, ...actions],
});

/** Every function: data for its role and its environment. The contracts are packed with the code. Buckets with a key of their own need its use, too. */
export const FUNCTIONS: readonly FunctionSpec[] = [
  {
    name: 'intake',
    variables: ['landingBucket', 'rawBucket', 'ledgerTable', 'stateMachineArn', 'topicArn', 'datasets'],
    actions: [
      LEDGER,
      TELL,
      ['landing', LIST],
      ['landing objects', READ_OBJECT],
      ['raw', LIST],
      ['raw objects', [...READ_OBJECT, ...WRITE_OBJECT, 's3:DeleteObject']],
      ['state machine', ['states:StartExecution']],
    ],
  },
  // A rollback that died is finished before anything else is taken.
  task('Claim', [TELL, ['executions', ['states:DescribeExecution']], ...DOCUMENTS, ...CHANGE_TABLES]),
  {
    // A column that a file brings evolves the tables, and the owner is told. What waits or is replayed is judged again where its contract has changed.
    ...task('Plan', [
      TELL,
      ['raw', LIST],
      ['raw objects', READ_OBJECT],
      ...MAKE_TABLES,
      ['tables', ['glue:UpdateTable']],
      ['results objects', WRITE_OBJECT],
    ]),
    variables: [...JOB_VARIABLES, 'sparkFromBytes'],
  },
  {
    ...task('Execute', [
      ...DOCUMENTS,
      ['results objects', WRITE_OBJECT],
      ['raw', LIST],
      ['raw objects', READ_OBJECT],
      ['lake', LIST],
      ['lake objects', [...READ_OBJECT, ...WRITE_OBJECT]],
      ['vault', LIST],
      ['vault objects', [...READ_OBJECT, ...WRITE_OBJECT]],
      ['key secret', ['secretsmanager:GetSecretValue']],
    ]),
    variables: [...RUN_VARIABLES, 'secretPrefix', 'scratch', 'memory'],
  },
  {
    ...task('Prepare', [
      ...DOCUMENTS,
      ['results objects', WRITE_OBJECT],
      ['raw', LIST],
      ['raw objects', READ_OBJECT],
      ['key secret', ['secretsmanager:GetSecretValue']],
    ]),
    variables: JOB_VARIABLES,
  },
  { ...task('Accept', [...DOCUMENTS, ['results objects', WRITE_OBJECT]]), variables: JOB_VARIABLES },
  task('Verify', DOCUMENTS),
  task('Publish', [...DOCUMENTS, ...CHANGE_TABLES]),
  task('Announce', [TELL]),
  task('Hold', [TELL]),
  task('Isolate', [TELL, ...LOOK_INTO_TABLES]),
  task('Abandon', [...DOCUMENTS, ...CHANGE_TABLES]),
  task('Fail', [TELL, ...LOOK_INTO_TABLES]),
  {
    name: 'sweeper',
    variables: [...RUN_VARIABLES, 'landingBucket', 'stateMachineArn'],
    actions: [
      LEDGER,
      TELL,
      ['landing', LIST],
      ['landing objects', [...READ_OBJECT, 's3:DeleteObject']],
      ['raw', LIST],
      ['raw objects', [...READ_OBJECT, ...WRITE_OBJECT, 's3:DeleteObject']],
      ...MAKE_TABLES,
      ['executions', ['states:DescribeExecution']],
      ['state machine', ['states:StartExecution']],
    ],
  },
  {
    name: 'mirror',
    variables: ['lakeBucket', 'ledgerTable', 'datasets'],
    actions: [
      ['ledger', ['dynamodb:GetItem', 'dynamodb:Query']],
      ['lake', LIST],
      ['ledger table objects', [...READ_OBJECT, ...WRITE_OBJECT, 's3:DeleteObject']],
      ['ledger tables', MAKE_AND_CHANGE],
    ],
  },
  {
    name: 'quality',
    variables: ['ledgerTable', 'topicArn', 'workgroup', 'datasets', 'marts'],
    actions: [
      LEDGER,
      TELL,
      ['workgroup', ASK],
      DEFAULT_DATABASE,
      // Athena reads tables and writes results in the name of who asks.
      ['tables', ['glue:GetDatabase', 'glue:GetTable', 'glue:GetPartitions']],
      ['views', ['glue:GetDatabase', 'glue:GetTable']],
      ['ledger tables', ['glue:GetDatabase', 'glue:GetTable', 'glue:GetPartitions']],
      ['lake', [...LIST, 's3:GetBucketLocation']],
      ['lake objects', READ_OBJECT],
      ['results', [...LIST, 's3:GetBucketLocation']],
      ['results objects', [...READ_OBJECT, ...WRITE_OBJECT]],
    ],
  },
  {
    name: 'retention',
    variables: [...RUN_VARIABLES, 'workgroup'],
    actions: [
      LEDGER,
      ['executions', ['states:DescribeExecution']],
      ['lake', [...LIST, 's3:GetBucketLocation']],
      ['vault', [...LIST, 's3:GetBucketLocation']],
      ['lake objects', [...READ_OBJECT, ...WRITE_OBJECT, 's3:DeleteObject']],
      ['vault objects', [...READ_OBJECT, ...WRITE_OBJECT, 's3:DeleteObject']],
      ['tables', ['glue:GetDatabase', 'glue:GetTable', 'glue:GetPartitions', 'glue:UpdateTable']],
      ['workgroup', ASK],
      DEFAULT_DATABASE,
      ['results', [...LIST, 's3:GetBucketLocation']],
      ['results objects', [...READ_OBJECT, ...WRITE_OBJECT]],
    ],
  },
  {
    name: 'match',
    variables: [...RUN_VARIABLES, 'entities', 'matchJob', 'scratch', 'memory'],
    actions: [
      LEDGER,
      ...MAKE_TABLES,
      ['tables', ['glue:UpdateTable']],
      ['results', LIST],
      ['results objects', [...READ_OBJECT, ...WRITE_OBJECT, 's3:DeleteObject']],
      ['match job', ['glue:StartJobRun', 'glue:GetJobRuns']],
    ],
  },
  {
    name: 'sync',
    variables: [...RUN_VARIABLES, 'workgroup', 'marts', 'entities', 'stage'],
    actions: [
      ...MAKE_TABLES,
      ['tables', ['glue:UpdateTable', 'glue:GetDatabase']],
      [
        'column tags',
        [
          'lakeformation:GetResourceLFTags',
          'lakeformation:AddLFTagsToResource',
          'lakeformation:RemoveLFTagsFromResource',
        ],
      ],
      ['ledger tables', [...MAKE_AND_CHANGE, 'glue:GetDatabase']],
      ['views', ['glue:GetDatabase', 'glue:GetTable', 'glue:CreateTable', 'glue:UpdateTable']],
      ['workgroup', ASK],
      DEFAULT_DATABASE,
      ['lake', ['s3:GetBucketLocation']],
      ['results', [...LIST, 's3:GetBucketLocation']],
      ['results objects', [...READ_OBJECT, ...WRITE_OBJECT]],
    ],
  },
  {
    name: 'slack',
    variables: ['webhookSecret'],
    actions: [['webhook secret', ['secretsmanager:GetSecretValue']]],
  },
];

/** What the Glue job does: reads the job document and the inputs, writes the run's files and its answer, renames nothing. */
export const GLUE_ACTIONS: FunctionSpec['actions'] = [
  ['results', LIST],
  ['results objects', [...READ_OBJECT, ...WRITE_OBJECT, 's3:DeleteObject']],
  ['raw', LIST],
  ['raw objects', READ_OBJECT],
  ['lake', LIST],
  ['lake objects', [...READ_OBJECT, ...WRITE_OBJECT, 's3:DeleteObject']],
  ['vault', LIST],
  ['vault objects', [...READ_OBJECT, ...WRITE_OBJECT, 's3:DeleteObject']],
  ['key secret', ['secretsmanager:GetSecretValue']],
];

/** What the Glue job that compares records does: it sees what it is given to compare, and no table. */
export const MATCH_ACTIONS: FunctionSpec['actions'] = [
  ['vault', LIST],
  ['match objects', [...READ_OBJECT, ...WRITE_OBJECT, 's3:DeleteObject']],
];
