import { randomUUID } from 'node:crypto';
import { AthenaClient } from '@aws-sdk/client-athena';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { GlueClient } from '@aws-sdk/client-glue';
import { LakeFormationClient } from '@aws-sdk/client-lakeformation';
import { S3Client } from '@aws-sdk/client-s3';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SFNClient } from '@aws-sdk/client-sfn';
import { SNSClient } from '@aws-sdk/client-sns';
import { type Dataset, LEDGER_DATABASE } from '../../contract/dataset.ts';
import { DEFAULT_LIMITS, type Services } from '../../pipeline/services.ts';
import { DUCKDB_UNLESS_ASKED } from '../../plan/engine-choice.ts';
import { type OutputName, SIDE_OUTPUTS } from '../../plan/plan.ts';
import { tableOf } from '../../plan/tables.ts';
import type { ColumnTags } from '../../ports/column-tags.ts';
import type { Engine } from '../../ports/engine.ts';
import type { Ledger } from '../../ports/ledger.ts';
import type { ObjectStore } from '../../ports/object-store.ts';
import type { QueryEngine } from '../../ports/query-engine.ts';
import type { Secrets } from '../../ports/secrets.ts';
import { classificationTag } from '../../privacy/classes.ts';
import type { TablePorts } from '../../table/table.ts';
import { athenaQueryEngine } from './athena-query-engine.ts';
import { CLIENT } from './clients.ts';
import { dynamoDbLedger } from './dynamodb-ledger.ts';
import { glueCatalog } from './glue-catalog.ts';
import { glueMatch } from './glue-match.ts';
import { lakeFormationTags } from './lake-formation.ts';
import { s3Store } from './s3-store.ts';
import { secretsManager } from './secrets-manager.ts';
import type { Settings } from './settings.ts';
import { snsNotifier } from './sns-notifier.ts';
import { executionStarter, stepFunctionsExecutions } from './step-functions.ts';

/** The parts of a deployed stage, each made from the settings that it needs: a function's bundle holds the clients that it names. */
export const ledgerOf = ({ ledgerTable }: Pick<Settings, 'ledgerTable'>): Ledger =>
  dynamoDbLedger({ client: new DynamoDBClient(CLIENT), table: ledgerTable });

export const landingOf = ({ landingBucket }: Pick<Settings, 'landingBucket'>): ObjectStore =>
  s3Store({ client: new S3Client(CLIENT), bucket: landingBucket, arrivals: true });

export const storeOf = (bucket: string): ObjectStore => s3Store({ client: new S3Client(CLIENT), bucket });

export const notifierOf = ({ topicArn }: Pick<Settings, 'topicArn'>) =>
  snsNotifier({ client: new SNSClient(CLIENT), topicArn });

export const starterOf = ({ stateMachineArn }: Pick<Settings, 'stateMachineArn'>) =>
  executionStarter({ client: new SFNClient(CLIENT), stateMachineArn, newId: randomUUID });

export const secretsOf = ({ secretPrefix }: Pick<Settings, 'secretPrefix'>, ledger: Ledger): Secrets =>
  secretsManager({ client: new SecretsManagerClient(CLIENT), prefix: secretPrefix, ledger });

export const columnTagsOf = ({ stage }: Pick<Settings, 'stage'>): ColumnTags =>
  lakeFormationTags({
    glue: new GlueClient(CLIENT),
    lakeFormation: new LakeFormationClient(CLIENT),
    tagKey: classificationTag(stage),
  });

export const matchLauncherOf = (jobName: string) => glueMatch({ client: new GlueClient(CLIENT), jobName });

export const queryEngineOf = ({ workgroup }: Pick<Settings, 'workgroup'>): QueryEngine =>
  athenaQueryEngine({ client: new AthenaClient(CLIENT), workgroup });

/** Tables of the ledger's database, which lie in the lake. */
export const tablesOf = (store: ObjectStore): TablePorts => ({
  store,
  catalog: glueCatalog({ client: new GlueClient(CLIENT), databases: [LEDGER_DATABASE] }),
  clock: { now: () => new Date() },
  newId: randomUUID,
});

export type RunSettings = Pick<
  Settings,
  'rawBucket' | 'lakeBucket' | 'vaultBucket' | 'resultsBucket' | 'ledgerTable' | 'topicArn'
>;

/** What the tasks of the state machine act through. `engine` is made from the stores, because only Execute carries one. */
export function servicesOf(
  settings: RunSettings,
  datasets: readonly Dataset[],
  engine: (services: Pick<Services, 'stores' | 'ledger'>) => Engine,
): Services {
  const stores = {
    raw: storeOf(settings.rawBucket),
    lake: storeOf(settings.lakeBucket),
    vault: storeOf(settings.vaultBucket),
    results: storeOf(settings.resultsBucket),
  };
  const ledger = ledgerOf(settings);
  return {
    datasets,
    stores,
    ledger,
    catalog: glueCatalog({ client: new GlueClient(CLIENT), databases: databasesOf(datasets) }),
    engine: engine({ stores, ledger }),
    enginePolicy: DUCKDB_UNLESS_ASKED,
    notifier: notifierOf(settings),
    clock: { now: () => new Date() },
    executions: stepFunctionsExecutions(new SFNClient(CLIENT)),
    newId: randomUUID,
    limits: DEFAULT_LIMITS,
  };
}

const OUTPUTS: readonly OutputName[] = ['curated', ...SIDE_OUTPUTS, 'vault'];

/** Databases in which the contracts' tables lie. */
export const databasesOf = (datasets: readonly Dataset[]): readonly string[] =>
  [
    ...new Set(datasets.flatMap((dataset) => OUTPUTS.map((output) => tableOf(dataset, output).database))),
  ].sort();
