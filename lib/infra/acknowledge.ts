import { Stack, Validations } from 'aws-cdk-lib';
import { flattenCfnReference } from 'cdk-nag/lib/utils/flatten-cfn-reference.js';
import type { IConstruct } from 'constructs';

/** Says why a construct may break rules of the packs; ids such as `AwsSolutions-S1`. Findings of anything else stay. */
export function acknowledge(construct: IConstruct, reason: string, ids: readonly string[]): void {
  for (const id of ids) Validations.of(construct).acknowledge({ id, reason });
}

/** Ids of a rule that the security packs have in common. */
export const inSecurityPacks = (rule: string): readonly string[] =>
  ['NIST.800.53.R5', 'HIPAA.Security', 'PCI.DSS.321'].map((pack) => `${pack}-${rule}`);

/** Every resource with a star is named: one more of them is a finding again. */
export function acknowledgeStars(construct: IConstruct, reason: string, arns: readonly string[]): void {
  const stars = arns
    .map((arn) => flattenCfnReference(Stack.of(construct).resolve(arn)))
    .filter((arn) => arn.includes('*'));
  acknowledge(
    construct,
    reason,
    [...new Set(stars)].map((arn) => `AwsSolutions-IAM5[Resource::${arn}]`),
  );
}

export const INLINE = inSecurityPacks('IAMNoInlinePolicy');
export const INLINE_REASON =
  'The policy is written for this one role and goes away with it; under a name of its own others could attach it.';
