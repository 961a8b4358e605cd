import * as z from 'zod/mini';

const bucket = z.string().check(z.regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/));
const arn = z.string().check(z.startsWith('arn:'));
const named = z.string().check(z.minLength(1));

/** What one deployed stage is called, as its stacks know it. Nothing has a default: a missing name stops the load. */
export const settings = z.strictObject({
  /** Such as `dev`. */
  stage: z.string().check(z.regex(/^[a-z][a-z0-9-]*$/)),
  landingBucket: bucket,
  rawBucket: bucket,
  lakeBucket: bucket,
  vaultBucket: bucket,
  resultsBucket: bucket,
  ledgerTable: named,
  stateMachineArn: arn,
  /** Topic of notices. */
  topicArn: arn,
  /** Stands before the names of keys in Secrets Manager, `headgate/dev/`. */
  secretPrefix: z.string().check(z.endsWith('/')),
  workgroup: named,
});

export type Settings = z.infer<typeof settings>;

/** The stage's own workgroup, or that of a team. */
export const workgroupOf = ({ workgroup }: Pick<Settings, 'workgroup'>, team: string | undefined): string =>
  team === undefined ? workgroup : `${workgroup}-${team}`;
