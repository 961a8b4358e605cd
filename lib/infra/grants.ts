import { ArnFormat, type RemovalPolicy, Stack } from 'aws-cdk-lib';
import { PolicyStatement, type Role } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';
import { LEDGER_DATABASE } from '../contract/dataset.ts';
import { MATCH_PREFIX } from '../matching/places.ts';
import { acknowledge, acknowledgeStars, INLINE, INLINE_REASON } from './acknowledge.ts';
import type { BucketName } from './buckets.ts';
import type { DataStack } from './data-stack.ts';
import type { FunctionSpec, Resource } from './permissions.ts';

interface Target {
  readonly arns: readonly string[];
  /** Key that what lies there is encrypted with. */
  readonly key?: IKey;
}

export interface GrantsProps {
  readonly data: DataStack;
  readonly topic: ITopic;
  readonly machine: { readonly name: string; readonly aliasArn: string };
  /** Name of the Glue job that compares records. */
  readonly matchJob: string;
  readonly databases: readonly string[];
  readonly views: readonly string[];
  readonly removalPolicy: RemovalPolicy;
}

/** Turns what permissions.ts says into statements about this stage's resources, and adds the use of their keys. */
export class Grants {
  readonly platformKey: IKey;
  readonly removalPolicy: RemovalPolicy;
  private readonly targets: Readonly<Record<Resource, Target>>;

  constructor(scope: Construct, props: GrantsProps) {
    const { data, topic, machine, matchJob, databases, views, removalPolicy } = props;
    this.platformKey = data.keys.platform;
    this.removalPolicy = removalPolicy;
    const stack = Stack.of(scope);
    // Exported by name, so that taking a grant away does not take away an export that the deployed stack still uses.
    const exported = (arn: string): string => data.exportValue(arn);
    const glue = (names: readonly string[]) => [
      stack.formatArn({ service: 'glue', resource: 'catalog' }),
      ...names.map((name) => stack.formatArn({ service: 'glue', resource: 'database', resourceName: name })),
      ...names.map((name) =>
        stack.formatArn({ service: 'glue', resource: 'table', resourceName: `${name}/*` }),
      ),
    ];
    const bucket = (name: BucketName): Target => ({ arns: [exported(data.buckets[name].bucketArn)] });
    const objects = (name: BucketName, key?: IKey): Target => ({
      arns: [`${exported(data.buckets[name].bucketArn)}/*`],
      ...(key === undefined ? {} : { key }),
    });
    const { raw, lake, vault, platform } = data.keys;
    this.targets = {
      landing: bucket('landing'),
      'landing objects': objects('landing'),
      raw: bucket('raw'),
      'raw objects': objects('raw', raw),
      lake: bucket('lake'),
      'lake objects': objects('lake', lake),
      vault: bucket('vault'),
      'vault objects': objects('vault', vault),
      'match objects': {
        arns: [`${exported(data.buckets.vault.bucketArn)}/${MATCH_PREFIX}*`],
        key: vault,
      },
      'match job': { arns: [stack.formatArn({ service: 'glue', resource: 'job', resourceName: matchJob })] },
      results: bucket('results'),
      'results objects': objects('results', platform),
      ledger: { arns: [data.ledger.tableArn], key: platform },
      topic: { arns: [topic.topicArn], key: platform },
      'state machine': { arns: [machine.aliasArn] },
      executions: {
        arns: [
          stack.formatArn({
            service: 'states',
            resource: 'execution',
            resourceName: `${machine.name}:*`,
            arnFormat: ArnFormat.COLON_RESOURCE_NAME,
          }),
        ],
      },
      tables: { arns: glue(databases) },
      views: { arns: glue(views) },
      'ledger tables': { arns: glue([LEDGER_DATABASE]) },
      'default database': {
        arns: [
          stack.formatArn({ service: 'glue', resource: 'catalog' }),
          stack.formatArn({ service: 'glue', resource: 'database', resourceName: 'default' }),
        ],
      },
      'ledger table objects': {
        arns: [`${exported(data.buckets.lake.bucketArn)}/${LEDGER_DATABASE}/*`],
        key: lake,
      },
      'key secret': { arns: [data.piiKey.secretArn], key: platform },
      'webhook secret': { arns: [data.webhooks.secretArn], key: platform },
      // Lake Formation knows no resources in IAM: what may be tagged with what is granted there (lib/infra/tag-grants.ts).
      'column tags': { arns: ['*'] },
      workgroup: {
        arns: [stack.formatArn({ service: 'athena', resource: 'workgroup', resourceName: data.workgroup })],
      },
    };
  }

  /** Gives a role what permissions.ts says, and says why some of it ends in a star. */
  give(role: Role, actions: FunctionSpec['actions']): void {
    for (const statement of this.statements(actions)) role.addToPolicy(statement);
    acknowledgeStars(
      role,
      'Keys of objects, names of tables and executions come to be while the stage runs. Bucket, database and machine are named, and so is each action (permissions.ts).',
      actions.flatMap(([resource]) => this.targets[resource].arns),
    );
    acknowledge(role, INLINE_REASON, INLINE);
  }

  private statements(actions: FunctionSpec['actions']): readonly PolicyStatement[] {
    return actions.flatMap(([resource, names]) => {
      const { arns, key } = this.targets[resource];
      const uses = key === undefined ? [] : keyUses(names);
      return [
        new PolicyStatement({ actions: [...names], resources: [...arns] }),
        ...(uses.length === 0 || key === undefined
          ? []
          : [new PolicyStatement({ actions: [...uses], resources: [key.keyArn] })]),
      ];
    });
  }
}

/** What a caller must be allowed with the key of what it calls: reading decrypts; writing, parts of an upload and publishing do both; DynamoDB does both itself. */
const KEY_USES: Readonly<Record<string, readonly string[]>> = {
  's3:GetObject': ['kms:Decrypt'],
  's3:PutObject': ['kms:Decrypt', 'kms:GenerateDataKey'],
  'sns:Publish': ['kms:Decrypt', 'kms:GenerateDataKey'],
  'secretsmanager:GetSecretValue': ['kms:Decrypt'],
  'dynamodb:GetItem': ['kms:Decrypt'],
};

export const keyUses = (actions: readonly string[]): readonly string[] =>
  [...new Set(actions.flatMap((action) => KEY_USES[action] ?? []))].sort();
