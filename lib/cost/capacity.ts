import { glueRun, lambda, runCost } from './cost.ts';

/** What arrives. */
export interface Load {
  readonly filesAMinute: number;
  readonly bytesAFile: number;
  /** Datasets over which the files are spread evenly. */
  readonly datasets: number;
}

/** What a stage is configured to, of its YAML. */
export interface StageLimits {
  readonly intakeConcurrency: number;
  readonly intakeMb: number;
  readonly executeConcurrency: number;
  readonly executeMb: number;
}

/** Requests counted on the laptop's adapters; a test holds the pipeline to those of the ledger and of raw. A write in a transaction costs two units for each KB of its item: one is taken. */
export const PER_FILE = { ledgerWrites: 7, ledgerReads: 7, s3Writes: 1, s3Reads: 3 } as const;
export const PER_ROUND = {
  ledgerWrites: 28,
  /** 41 of them ask what came on the dates that a volume rule compares with: none where a contract has no such rule. */
  ledgerReads: 67,
  s3Writes: 6,
  s3Reads: 16,
  catalogueRequests: 8,
  /** Claim, Plan, Execute, Verify, Publish, Announce, and the choices after the first, second and fourth of them. */
  transitions: 9,
  /** Five for a task, two for a choice. */
  historyEvents: 36,
} as const;
/** An execution ends with a Claim that finds nothing, its choice, Done. */
export const PER_EXECUTION = { transitions: 3 } as const;
/** Writes of one file into one partition of the ledger: of its dataset's files, of the landing bucket's objects. */
export const PARTITION_WRITES = { files: 2, objects: 1 } as const;

/** Seconds that nobody has measured on AWS yet. The benchmark's are of local disks: S3 answers in tens of milliseconds. */
export const ASSUMED = {
  intakeSeconds: 0.3,
  /** Of a round, whatever is in it: five short tasks, and the start of Execute. */
  roundSeconds: 8,
  executeSeconds: 3,
  /** More for each file, in Execute and in Publish. */
  executeSecondsAFile: 0.005,
  publishSecondsAFile: 0.002,
  /** Of Execute with this much memory. */
  executeMb: 4096,
  executeBytesASecond: 50e6,
  glueStartSeconds: 40,
  glueBytesASecondAWorker: 10e6,
  /** Configured in lib/infra/pipeline-stack.ts. */
  shortTaskMb: 512,
} as const;

/** The least that Glue takes. */
const GLUE_WORKERS = 2;

/** What executing a batch costs on each engine, in USD by list price and assumed speeds. */
export const executeCost = (bytes: number): { readonly duckdb: number; readonly spark: number } => ({
  duckdb: lambda(ASSUMED.executeMb, ASSUMED.executeSeconds + bytes / ASSUMED.executeBytesASecond),
  spark: glueRun(
    GLUE_WORKERS,
    ASSUMED.glueStartSeconds + bytes / (GLUE_WORKERS * ASSUMED.glueBytesASecondAWorker),
  ),
});

/** What one run takes at most, `DEFAULT_LIMITS` of lib/pipeline. */
const FILES_A_ROUND = 5000;

export interface Demand {
  readonly filesASecond: number;
  readonly bytesASecond: number;
  /** Files that wait when a round ends make the next one: rounds grow with the load. */
  readonly filesARound: number;
  readonly roundSeconds: number;
  readonly roundsAMinute: number;
  readonly intakeConcurrency: number;
  readonly executeConcurrency: number;
  readonly usdAFile: number;
  readonly usdAnHour: number;
}

export function demandOf(load: Load, limits: StageLimits): Demand {
  const filesASecond = load.filesAMinute / 60;
  const each = secondsAFile(load.bytesAFile);
  const ofDataset = filesASecond / load.datasets;
  // Files of a round = arrivals during it = rate * (fixed + each * files). At more than 1 / each a dataset falls behind.
  const balanced =
    ofDataset * each < 1 ? (ofDataset * ASSUMED.roundSeconds) / (1 - ofDataset * each) : FILES_A_ROUND;
  const filesARound = Math.min(FILES_A_ROUND, Math.max(1, balanced));
  const roundSeconds = ASSUMED.roundSeconds + each * filesARound;
  const roundsASecond = filesASecond / filesARound;
  // One ends where no file has come while it worked: by Poisson's law, of arrivals that know nothing of each other.
  const executionsARound = Math.exp(-ofDataset * roundSeconds);
  const executeSeconds =
    ASSUMED.executeSeconds +
    (ASSUMED.executeSecondsAFile + load.bytesAFile / ASSUMED.executeBytesASecond) * filesARound;
  const usdARound = runCost({
    calls: [
      { megabytes: limits.executeMb, seconds: executeSeconds },
      { megabytes: ASSUMED.shortTaskMb, seconds: roundSeconds - executeSeconds },
    ],
    transitions: PER_ROUND.transitions + executionsARound * PER_EXECUTION.transitions,
    s3Writes: PER_ROUND.s3Writes,
    s3Reads: PER_ROUND.s3Reads,
    dynamoWrites: 2 * PER_ROUND.ledgerWrites,
    dynamoReads: PER_ROUND.ledgerReads,
    catalogueRequests: PER_ROUND.catalogueRequests,
  });
  const usdOfIntake = runCost({
    calls: [{ megabytes: limits.intakeMb, seconds: ASSUMED.intakeSeconds }],
    transitions: 0,
    s3Writes: PER_FILE.s3Writes,
    s3Reads: PER_FILE.s3Reads,
    dynamoWrites: 2 * PER_FILE.ledgerWrites,
    dynamoReads: PER_FILE.ledgerReads,
    catalogueRequests: 0,
  });
  const usdAFile = usdOfIntake + usdARound / filesARound;
  return {
    filesASecond,
    bytesASecond: filesASecond * load.bytesAFile,
    filesARound,
    roundSeconds,
    roundsAMinute: roundsASecond * 60,
    intakeConcurrency: filesASecond * ASSUMED.intakeSeconds,
    executeConcurrency: roundsASecond * executeSeconds,
    usdAFile,
    usdAnHour: usdAFile * load.filesAMinute * 60,
  };
}

const secondsAFile = (bytes: number): number =>
  ASSUMED.executeSecondsAFile + ASSUMED.publishSecondsAFile + bytes / ASSUMED.executeBytesASecond;

export interface Limit {
  readonly service: string;
  readonly what: string;
  /** Where AWS publishes it; undefined for one of ours. */
  readonly source?: string;
  /** How its figure was looked up. */
  readonly checked: string;
  readonly lever: string;
  /** Files a second that it lets through. */
  readonly filesASecond: number;
}

const DOCS = 'https://docs.aws.amazon.com';

/** Every limit that can bind for files of this size over so many datasets, the tightest first. */
export function limitsOf(load: Omit<Load, 'filesAMinute'>, stage: StageLimits): readonly Limit[] {
  const { bytesAFile, datasets } = load;
  const units = (writes: number) => 1000 / (2 * writes);
  const perDataset = FILES_A_ROUND / (ASSUMED.roundSeconds + FILES_A_ROUND * secondsAFile(bytesAFile));
  const limits: readonly Limit[] = [
    {
      service: 'Lambda, intake',
      what: `${stage.intakeConcurrency} at once (config/*.yaml)`,
      checked: 'of ours',
      lever: 'lambda.intake.concurrency, up to 1,000 of one event source',
      filesASecond: stage.intakeConcurrency / ASSUMED.intakeSeconds,
    },
    {
      service: 'Lambda from SQS',
      what: '1,000 batches of an event source at once, 300 more a minute',
      source: `${DOCS}/lambda/latest/dg/services-sqs-scaling.html`,
      checked: 'read in that page',
      lever: 'a second queue, split by the prefix of the key',
      filesASecond: 1000 / ASSUMED.intakeSeconds,
    },
    {
      service: 'Lambda, account',
      what: '1,000 executions at once in an account and region (new accounts may have fewer)',
      source: `${DOCS}/lambda/latest/dg/gettingstarted-limits.html`,
      checked: 'the figure read in serverlessland.com, not in that page',
      lever: 'a request to Service Quotas',
      filesASecond: 1000 / (ASSUMED.intakeSeconds + secondsAFile(bytesAFile)),
    },
    {
      service: 'DynamoDB, partition of the landed objects',
      what: '1,000 write units a second; one partition for a bucket',
      source: `${DOCS}/amazondynamodb/latest/developerguide/bp-partition-key-design.html`,
      checked: 'read in that page',
      lever: 'DynamoDB splits a partition by sort key where keys are spread; else shards in its key',
      filesASecond: units(PARTITION_WRITES.objects),
    },
    {
      service: 'DynamoDB, partition of the files of a dataset',
      what: '1,000 write units a second; two writes a file',
      source: `${DOCS}/amazondynamodb/latest/developerguide/bp-partition-key-design.html`,
      checked: 'read in that page',
      lever: 'more datasets, or shards in its key',
      filesASecond: datasets * units(PARTITION_WRITES.files),
    },
    {
      service: 'DynamoDB, table',
      what: '40,000 write units a second on demand',
      source: `${DOCS}/amazondynamodb/latest/developerguide/on-demand-capacity-mode-max-throughput.html`,
      checked: 'read in that page',
      lever: 'a request to Service Quotas; warm throughput before a known peak',
      filesASecond: 40_000 / (2 * PER_FILE.ledgerWrites),
    },
    {
      service: 'Lambda, execute',
      what: `one run of a dataset at a time, ${stage.executeConcurrency} at once (config/*.yaml)`,
      checked: 'of ours',
      lever: 'more datasets, fewer and larger files; lambda.execute.concurrency',
      filesASecond: Math.min(datasets, stage.executeConcurrency) * perDataset,
    },
    {
      service: 'Step Functions, starts',
      what: '300 StartExecution a second in eu-west-1 (150 in most regions)',
      source: `${DOCS}/step-functions/latest/dg/service-quotas.html`,
      checked: 'read in an older copy of that page (awsdocs on GitHub)',
      lever: 'none needed: an execution goes on while files are pending, so a dataset starts one at most',
      filesASecond: 300 * FILES_A_ROUND,
    },
    {
      service: 'Step Functions, transitions',
      what: '1,500 transitions a second in eu-west-1',
      source: `${DOCS}/step-functions/latest/dg/service-quotas.html`,
      checked: 'read in an older copy of that page (awsdocs on GitHub)',
      lever: 'none needed: rounds grow with the load',
      filesASecond: (1500 / PER_ROUND.transitions) * FILES_A_ROUND,
    },
    {
      service: 'S3, prefix of a dataset in raw',
      what: '3,500 writes a second to a prefix',
      source: `${DOCS}/AmazonS3/latest/userguide/optimizing-performance.html`,
      checked: 'the figure read in repost.aws, not in that page',
      lever: 'S3 splits prefixes by itself within an hour; ramp up slowly',
      filesASecond: (datasets * 3500) / PER_FILE.s3Writes,
    },
  ];
  return limits.toSorted((a, b) => a.filesASecond - b.filesASecond);
}

/** After so many rounds an execution hands over to a new one: `DEFAULT_LIMITS.rounds`. */
export const ROUNDS_OF_EXECUTION = 100;

/** Large batches: runs of the Glue job an hour, and what goes through them, when each takes so many minutes. */
export const glueCapacity = (minutes: number, gigabytes: number) => {
  const runsAnHour = (GLUE_RUNS * 60) / minutes;
  return { runsAnHour, gigabytesAnHour: runsAnHour * gigabytes };
};

/** At once: the job's own setting (lib/infra/glue-job.ts). The account's default is 50. */
export const GLUE_RUNS = 10;
/** At once, running and waiting, in eu-west-1. */
export const ATHENA_QUERIES = 150;
