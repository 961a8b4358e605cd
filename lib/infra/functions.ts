/** Data that handlers and constructs share: which variables a function reads, and which actions it may call on what. */

/** Environment variable of each setting. */
export const VARIABLES = {
  stage: 'HEADGATE_STAGE',
  landingBucket: 'HEADGATE_LANDING_BUCKET',
  rawBucket: 'HEADGATE_RAW_BUCKET',
  lakeBucket: 'HEADGATE_LAKE_BUCKET',
  vaultBucket: 'HEADGATE_VAULT_BUCKET',
  resultsBucket: 'HEADGATE_RESULTS_BUCKET',
  ledgerTable: 'HEADGATE_LEDGER_TABLE',
  stateMachineArn: 'HEADGATE_STATE_MACHINE_ARN',
  topicArn: 'HEADGATE_TOPIC_ARN',
  secretPrefix: 'HEADGATE_SECRET_PREFIX',
  workgroup: 'HEADGATE_WORKGROUP',
  datasets: 'HEADGATE_DATASETS',
  scratch: 'HEADGATE_SCRATCH',
  memory: 'HEADGATE_MEMORY',
  webhookSecret: 'HEADGATE_WEBHOOK_SECRET',
  marts: 'HEADGATE_MARTS',
  entities: 'HEADGATE_ENTITIES',
  matchJob: 'HEADGATE_MATCH_JOB',
  sparkFromBytes: 'HEADGATE_SPARK_FROM_BYTES',
} as const;

export type Setting = keyof typeof VARIABLES;

/** Variables that have a default: a construct need not set them. */
export const OPTIONAL: readonly Setting[] = ['datasets', 'scratch', 'memory', 'marts', 'entities'];
