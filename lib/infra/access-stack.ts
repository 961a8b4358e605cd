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
import { CLASSIFICATIONS } from '../contract/classifications.ts';
import { classificationTag, UNCLASSIFIED, upTo } from '../privacy/classes.ts';
import { acknowledge, acknowledgeStars, INLINE, INLINE_REASON } from './acknowledge.ts';
import type { BucketName } from './buckets.ts';
import type { StageConfig } from './config.ts';
import type { DataStack } from './data-stack.ts';
import { bucketOf } from './data-stack.ts';
import { CLASSES, type Class, classOf, classTag, grantTables } from './tag-grants.ts';

export interface AccessStackProps extends StackProps {
  readonly config: StageConfig;
  readonly data: DataStack;
  readonly databases: readonly string[];
  readonly views: readonly string[];
}

interface Person {
  readonly reads: readonly Class[];
  /** Most dangerous class of columns that they see, which hold tokens, masks and constants from `restricted` on. */
  readonly sees: (typeof CLASSIFICATIONS)[number];
  /** Objects read besides the tables'. */
  readonly buckets: readonly BucketName[];
  /** Of the ledger, which holds no rows: what `headgate --env` shows comes from there, and decisions go there. */
  readonly ledger: readonly string[];
  readonly actions: readonly string[];
}

const ATHENA = [
  'athena:StartQueryExecution',
  'athena:GetQueryExecution',
  'athena:GetQueryResults',
  'athena:StopQueryExecution',
  'athena:GetWorkGroup',
];

const READ_LEDGER = ['dynamodb:GetItem', 'dynamodb:Query'];

/** What people may do. Nobody reads the vault here: runs write it, matching reads it. */
export const PEOPLE: Readonly<Record<'Analyst' | 'Engineer' | 'Steward' | 'Operator', Person>> = {
  Analyst: { reads: ['internal'], sees: 'restricted', buckets: [], ledger: [], actions: [] },
  Engineer: {
    reads: ['internal'],
    sees: 'restricted',
    buckets: ['results'],
    ledger: READ_LEDGER,
    actions: ['states:DescribeExecution', 'states:GetExecutionHistory'],
  },
  Steward: {
    reads: ['internal', 'restricted'],
    sees: 'secret',
    buckets: ['raw'],
    ledger: READ_LEDGER,
    actions: [],
  },
  Operator: {
    reads: ['internal'],
    sees: 'internal',
    buckets: ['results'],
    ledger: [...READ_LEDGER, 'dynamodb:UpdateItem', 'dynamodb:DeleteItem', 'dynamodb:ConditionCheckItem'],
    actions: [
      'states:DescribeExecution',
      'states:GetExecutionHistory',
      'states:StartExecution',
      'states:StopExecution',
    ],
  },
};

/**
 * Roles of people, and what they may read by Lake Formation's tags: the class of a database, and the contract's classification of a column, which the
 * sync function assigns. Who deploys must be an administrator of the data lake. As long as the account lets IAM alone decide about its databases
 * (`IAMAllowedPrincipals`), the policies of the roles close vault, quarantine and raw, and columns are open; taking that away closes columns, too.
 */
export class AccessStack extends Stack {
  private readonly tagged: CfnTagAssociation[] = [];

  constructor(scope: Construct, id: string, props: AccessStackProps) {
    const { config, data, databases, views, ...stackProps } = props;
    super(scope, id, stackProps);
    this.tagDatabases(props);
    for (const [name, person] of Object.entries(PEOPLE)) this.addRole(name, person, props);
  }

  private tagDatabases({ config, databases, views }: AccessStackProps): void {
    const tags = [
      new CfnTag(this, 'Classification', { tagKey: classTag(config), tagValues: [...CLASSES] }),
      new CfnTag(this, 'ColumnClassification', {
        tagKey: classificationTag(config.stage),
        tagValues: [...CLASSIFICATIONS],
      }),
    ];
    for (const name of [...databases, ...views]) {
      // What columns without a class of their own inherit.
      const inherited = classOf(name) === 'vault' ? 'secret' : UNCLASSIFIED;
      const association = new CfnTagAssociation(this, `Class-${name}`, {
        lfTags: tags.map(({ tagKey }, index) => ({
          catalogId: this.account,
          tagKey,
          tagValues: [index === 0 ? classOf(name) : inherited],
        })),
        resource: { database: { catalogId: this.account, name } },
      });
      for (const tag of tags) association.addResourceDependency(tag);
      this.tagged.push(association);
    }
  }

  private addRole(
    name: string,
    { reads, sees, buckets, ledger, actions }: Person,
    props: AccessStackProps,
  ): void {
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
    for (const grant of grantTables(this, { name, role, config, classes: reads, columns: upTo(sees) }))
      for (const association of this.tagged) grant.addResourceDependency(association);
    // `headgate --env` reads the names of the stage.
    allow(
      ['ssm:GetParameter'],
      [
        this.formatArn({
          service: 'ssm',
          resource: 'parameter',
          resourceName: `headgate/${config.stage}/settings`,
        }),
      ],
    );
    // Lake Formation hands out credentials for what it has granted; the action knows no resource.
    allow(['lakeformation:GetDataAccess'], ['*']);
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
    // Every query of Athena looks it up (permissions.ts).
    allow(
      ['glue:GetDatabase'],
      [this.formatArn({ service: 'glue', resource: 'database', resourceName: 'default' })],
    );
    if (ledger.length > 0) allow(ledger, [data.ledger.tableArn]);
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
