import { parseDocument } from 'yaml';
import * as z from 'zod';
import { TerminalError } from '../errors.ts';

const days = z.number().int().positive();
const count = z.number().int().positive();
/** Periods that CloudWatch Logs knows, https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html */
const logDays = z.union(
  [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731].map((each) => z.literal(each)),
);
const accountId = z.string().regex(/^\d{12}$/, 'twelve digits, quoted');

/**
 * What DuckDB lays down for each byte of input: the input itself, 0.5 staged and 0.4 written (measured, 40 MB of transactions), and 0.6 for
 * what it spills in little memory (chosen).
 */
const SCRATCH_OF_INPUT = 2.5;

const settings = z.strictObject({
  /** Stands in the names of everything. One stage to an account and region: Glue databases carry the names of the domains. */
  stage: z.string().regex(/^[a-z][a-z0-9-]{0,15}$/),
  region: z.string().regex(/^[a-z]{2}(-[a-z]+)+-\d$/),
  /** The only account this stage may be deployed to. @default that of the credentials */
  account: accountId.optional(),
  /** Data goes away with the stacks. Never for a stage whose data somebody needs. */
  ephemeral: z.boolean(),
  /** Tag for the bill. */
  costCentre: z.string().min(1),
  /** Page of the runbook; anchors are appended. */
  runbook: z.url({ protocol: /^https$/ }),
  logDays,
  raw: z.strictObject({ coldAfterDays: days }),
  landing: z.strictObject({
    /** Accounts that may put objects, each below its own prefix. */
    sources: z.array(z.strictObject({ account: accountId, prefix: z.string().regex(/^[a-z0-9_-]+\/$/) })),
  }),
  athena: z.strictObject({
    /** A query that would scan more is stopped. */
    bytesPerQuery: z.number().int().min(10_000_000),
    /** A workgroup each, so that the bill says who asked. */
    teams: z.array(z.string().regex(/^[a-z][a-z0-9-]*$/)),
  }),
  lambda: z.strictObject({
    architecture: z.enum(['arm64', 'x86_64']),
    execute: z.strictObject({
      memoryMb: z.number().int().min(1024).max(10_240),
      scratchMb: z.number().int().min(512).max(10_240),
      concurrency: count,
    }),
    intake: z.strictObject({ memoryMb: z.number().int().min(256).max(10_240), concurrency: count.min(2) }),
  }),
  glue: z.strictObject({
    workers: count.min(2),
    timeoutMinutes: count,
    /** Megabytes of input, and of table files to read, from which `engine: auto` takes Spark. */
    fromMb: count,
  }),
  /** Who may take the roles of people: ARNs of roles or of accounts' roots. */
  access: z.strictObject({ trusted: z.array(z.string().regex(/^arn:aws[a-z-]*:iam::\d{12}:.+$/)) }),
  alarms: z.strictObject({
    /** Share of refused rows, in percent of an hour's rows of a dataset. */
    quarantinedPercent: z.number().positive().max(100),
    /** Age of the oldest event that intake has not handled, minutes. One that failed comes again after 16. */
    oldestEventMinutes: count,
  }),
  /** One for each domain: CloudWatch takes money for each from the fourth on. */
  dashboards: z.boolean().default(true),
  budget: z.strictObject({
    usdPerMonth: z.number().positive(),
    email: z.email(),
    /** Mails what is out of the ordinary, by the tag of the stage. AWS lets only the account that pays the bill watch tags: in any other the deploy would fail. */
    anomalies: z.boolean().default(false),
  }),
});

const schema = settings.refine(
  ({ glue, lambda }) => glue.fromMb * SCRATCH_OF_INPUT <= lambda.execute.scratchMb,
  {
    path: ['glue', 'fromMb'],
    message: `at most lambda.execute.scratchMb / ${SCRATCH_OF_INPUT}: DuckDB needs that room for its work`,
  },
);

export type StageConfig = z.infer<typeof schema>;

/**
 * `architecture`: another one than the file's, if given.
 * @throws TerminalError that names every key that is unknown, missing or wrong
 */
export function parseConfig(file: string, text: string, architecture?: unknown): StageConfig {
  const document = parseDocument(text);
  for (const error of document.errors) throw error;
  if (architecture !== undefined) document.setIn(['lambda', 'architecture'], architecture);
  const parsed = schema.safeParse(document.toJS());
  if (!parsed.success) {
    const wrong = parsed.error.issues.map(
      ({ path, message }) => `${path.join('.') || 'document'}: ${message}`,
    );
    throw new TerminalError(`${file} is no configuration of a stage: ${wrong.join('; ')}`, {
      fault: 'headgate',
      facts: { file },
    });
  }
  if (file.endsWith(`${parsed.data.stage}.yaml`)) return parsed.data;
  throw new TerminalError(
    `${file} configures the stage ${parsed.data.stage}; call it ${parsed.data.stage}.yaml`,
    {
      fault: 'headgate',
      facts: { file },
    },
  );
}
