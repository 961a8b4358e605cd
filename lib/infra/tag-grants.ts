import { Stack } from 'aws-cdk-lib';
import type { IRole } from 'aws-cdk-lib/aws-iam';
import { CfnPrincipalPermissions } from 'aws-cdk-lib/aws-lakeformation';
import type { Construct } from 'constructs';
import { CLASSIFICATIONS } from '../contract/classifications.ts';
import { classificationTag } from '../privacy/classes.ts';
import type { StageConfig } from './config.ts';

/** How secret what lies in a database may be. */
export const CLASSES = ['internal', 'restricted', 'vault'] as const;
export type Class = (typeof CLASSES)[number];

/** Curated tables and views hold tokens and masks only. Quarantine and raw hold texts that nothing has vouched for. */
export const classOf = (database: string): Class =>
  database.endsWith('_vault') ? 'vault' : /_(quarantine|raw)$/.test(database) ? 'restricted' : 'internal';

/** Key of the tag that holds a database's class. */
export const classTag = ({ stage }: Pick<StageConfig, 'stage'>): string => `headgate-${stage}-class`;

interface TableGrant {
  /** Name of the person's role in the template. */
  readonly name: string;
  readonly role: IRole;
  readonly config: StageConfig;
  readonly classes: readonly Class[];
  /** Classes of columns. */
  readonly columns: readonly string[];
}

/** Lets a role find databases of these classes, and read those columns of their tables that have one of these classes. */
export function grantTables(scope: Construct, { name, role, config, classes, columns }: TableGrant) {
  const catalogId = Stack.of(scope).account;
  const principal = { dataLakePrincipalIdentifier: role.roleArn };
  const ofClass = { tagKey: classTag(config), tagValues: [...classes] };
  const ofColumns = { tagKey: classificationTag(config.stage), tagValues: [...columns] };
  return [
    new CfnPrincipalPermissions(scope, `${name}Databases`, {
      principal,
      resource: { lfTagPolicy: { catalogId, resourceType: 'DATABASE', expression: [ofClass] } },
      permissions: ['DESCRIBE'],
      permissionsWithGrantOption: [],
    }),
    new CfnPrincipalPermissions(scope, `${name}Tables`, {
      principal,
      resource: { lfTagPolicy: { catalogId, resourceType: 'TABLE', expression: [ofClass, ofColumns] } },
      permissions: ['DESCRIBE', 'SELECT'],
      permissionsWithGrantOption: [],
    }),
  ];
}

/** What assigning a tag to columns asks for, https://docs.aws.amazon.com/lake-formation/latest/dg/TBAC-assigning-tags.html */
const TO_TAG = ['ALTER', 'DELETE', 'DESCRIBE', 'DROP', 'INSERT', 'SELECT'];

/** Lets the role of a function assign classes to columns of the stage's tables. */
export function grantTagging(scope: Construct, { role, config }: Pick<TableGrant, 'role' | 'config'>) {
  const catalogId = Stack.of(scope).account;
  const principal = { dataLakePrincipalIdentifier: role.roleArn };
  const tagKey = classificationTag(config.stage);
  const anywhere = { tagKey: classTag(config), tagValues: [...CLASSES] };
  return [
    new CfnPrincipalPermissions(scope, 'TagUse', {
      principal,
      resource: { lfTag: { catalogId, tagKey, tagValues: [...CLASSIFICATIONS] } },
      permissions: ['ASSOCIATE', 'DESCRIBE'],
      permissionsWithGrantOption: [],
    }),
    new CfnPrincipalPermissions(scope, 'TagTables', {
      principal,
      resource: { lfTagPolicy: { catalogId, resourceType: 'TABLE', expression: [anywhere] } },
      permissions: TO_TAG,
      permissionsWithGrantOption: TO_TAG,
    }),
  ];
}
