import { z } from 'zod';

const bucket = z.string().regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/);
const arn = z.string().startsWith('arn:');

/** What one deployed stage is called, as its stacks know it. Nothing has a default: a missing name stops the load. */
export const settings = z.strictObject({
  /** Such as `dev`. */
  stage: z.string().regex(/^[a-z][a-z0-9-]*$/),
  landingBucket: bucket,
  rawBucket: bucket,
  lakeBucket: bucket,
  vaultBucket: bucket,
  resultsBucket: bucket,
  ledgerTable: z.string().min(3),
  stateMachineArn: arn,
  /** Topic of notices. */
  topicArn: arn,
  /** Stands before the names of keys in Secrets Manager, `headgate/dev/`. */
  secretPrefix: z.string().endsWith('/'),
  workgroup: z.string().min(1),
});

export type Settings = z.infer<typeof settings>;
