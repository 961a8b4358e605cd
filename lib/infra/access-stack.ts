import { Stack, type StackProps } from 'aws-cdk-lib';
import {
  AccountRootPrincipal,
  ArnPrincipal,
  CompositePrincipal,
  type IPrincipal,
  PolicyStatement,
  Role,
} from 'aws-cdk-lib/aws-iam';
import { CfnTag, CfnTagAssociation } from 'aws-cdk-lib/aws-lakeformation';
import type { Construct } from 'constructs';
import { acknowledge, acknowledgeStars, INLINE, INLINE_REASON } from './acknowledge.ts';
import type { BucketName } from './buckets.ts';
import type { StageConfig } from './config.ts';
import type { DataStack } from './data-stack.ts';
import { bucketOf } from './data-stack.ts';

export interface AccessStackProps extends StackProps {
  readonly config: StageConfig;
  readonly data: DataStack;
  readonly databases: readonly string[];
  readonly views: readonly string[];
}

/** How secret what lies in a database may be. */
export const CLASSES = ['internal', 'restricted', 'vault'] as const;
export type Class = (typeof CLASSES)[number];

/** Curated tables and views hold tokens and masks only. Quarantine and raw hold texts that nothing has vouched for. */
export const classOf = (database: string): Class =>
  database.endsWith('_vault') ? 'vault' : /_(quarantine|raw)$/.test(database) ? 'restricted' : 'internal';

interface Person {
  readonly reads: readonly Class[];
  /** Objects read besides the tables'. */
  readonly buckets: readonly BucketName[];
  readonly actions: readonly string[];
}

const ATHENA = [
  'athena:StartQueryExecution',
  'athena:GetQueryExecution',
  'athena:GetQueryResults',
  'athena:StopQueryExecution',
  'athena:GetWorkGroup',
];

/** What people may do. Nobody reads the vault here: erasure and rotation are functions' work. */
export const PEOPLE: Readonly<Record<'Analyst' | 'Engineer' | 'Steward' | 'Operator', Person>> = {
  Analyst: { reads: ['internal'], buckets: [], actions: [] },
  Engineer: {
    reads: ['internal'],
    buckets: ['results'],
    actions: ['states:DescribeExecution', 'states:GetExecutionHistory'],
  },
  Steward: { reads: ['internal', 'restricted'], buckets: ['raw'], actions: [] },
  Operator: {
    reads: ['internal'],
    buckets: ['results'],
    actions: [
      'states:DescribeExecution',
      'states:GetExecutionHistory',
      'states:StartExecution',
      'states:StopExecution',
    ],
  },
};

/** Roles of people, and the classification of databases as Lake Formation tags. */
export class AccessStack extends Stack {
  constructor(scope: Construct, id: string, props: AccessStackProps) {
    const { config, data, databases, views, ...stackProps } = props;
    super(scope, id, stackProps);
    this.tagDatabases(props);
    for (const [name, person] of Object.entries(PEOPLE)) this.addRole(name, person, props);
  }

  private tagDatabases({ config, databases, views }: AccessStackProps): void {
    const tag = new CfnTag(this, 'Classification', {
      tagKey: `headgate-${config.stage}-class`,
      tagValues: [...CLASSES],
    });
    for (const name of [...databases, ...views]) {
      const association = new CfnTagAssociation(this, `Class-${name}`, {
        lfTags: [{ catalogId: this.account, tagKey: tag.tagKey, tagValues: [classOf(name)] }],
        resource: { database: { catalogId: this.account, name } },
      });
      association.addResourceDependency(tag);
    }
  }

  private addRole(name: string, { reads, buckets, actions }: Person, props: AccessStackProps): void {
    const { config, data } = props;
    const role = new Role(this, name, {
      roleName: `headgate-${config.stage}-${name.toLowerCase()}`,
      assumedBy: trusted(config),
      description: `Headgate ${config.stage}: ${name.toLowerCase()}`,
    });
    const allow = (names: readonly string[], resources: readonly string[]) => {
      role.addToPolicy(new PolicyStatement({ actions: [...names], resources: [...resources] }));
      acknowledgeStars(
        role,
        'Objects, tables and executions come to be while the stage runs; the folders, databases and the machine are named.',
        resources,
      );
    };
    acknowledge(role, INLINE_REASON, INLINE);
    const readable = [...props.databases, ...props.views].filter((each) => reads.includes(classOf(each)));
    allow(
      ['glue:GetDatabase', 'glue:GetTable', 'glue:GetTables', 'glue:GetPartitions'],
      [
        this.formatArn({ service: 'glue', resource: 'catalog' }),
        ...readable.map((each) =>
          this.formatArn({ service: 'glue', resource: 'database', resourceName: each }),
        ),
        ...readable.map((each) =>
          this.formatArn({ service: 'glue', resource: 'table', resourceName: `${each}/*` }),
        ),
      ],
    );
    const arnOf = (bucket: BucketName) => data.exportValue(data.buckets[bucket].bucketArn);
    const [lake, results] = [arnOf('lake'), arnOf('results')];
    // Every database is a folder, so a database that is closed is a folder that is closed.
    const folders = readable.filter((each) => bucketOf(each) === 'lake' && props.databases.includes(each));
    allow(
      ['s3:GetObject'],
      folders.map((each) => `${lake}/${each}/*`),
    );
    role.addToPolicy(
      new PolicyStatement({
        actions: ['s3:ListBucket'],
        resources: [lake],
        conditions: { StringLike: { 's3:prefix': folders.map((each) => `${each}/*`) } },
      }),
    );
    allow(['kms:Decrypt'], [data.keys.lake.keyArn]);
    allow(
      ATHENA,
      config.athena.teams.map((team) =>
        this.formatArn({
          service: 'athena',
          resource: 'workgroup',
          resourceName: `${data.workgroup}-${team}`,
        }),
      ),
    );
    allow(
      ['s3:GetObject', 's3:PutObject', 's3:AbortMultipartUpload'],
      config.athena.teams.map((team) => `${results}/athena/${team}/*`),
    );
    allow(['s3:GetBucketLocation'], [lake, results]);
    allow(['kms:Decrypt', 'kms:GenerateDataKey'], [data.keys.platform.keyArn]);
    for (const bucket of buckets) allow(['s3:GetObject'], [`${arnOf(bucket)}/*`]);
    if (buckets.includes('raw')) allow(['kms:Decrypt'], [data.keys.raw.keyArn]);
    if (actions.length > 0)
      allow(
        actions,
        ['stateMachine', 'execution'].map(
          (resource) =>
            `arn:${this.partition}:states:${this.region}:${this.account}:${resource}:headgate-${config.stage}:*`,
        ),
      );
  }
}

/** Who may take a role: whom the configuration names, else whom the account's own policies let. */
function trusted({ access }: StageConfig): IPrincipal {
  const [first, ...others] = access.trusted.map((arn) => new ArnPrincipal(arn));
  return first === undefined ? new AccountRootPrincipal() : new CompositePrincipal(first, ...others);
}
