import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  AthenaClient,
  GetQueryExecutionCommand,
  GetQueryResultsCommand,
  StartQueryExecutionCommand,
} from '@aws-sdk/client-athena';
import { GetTableCommand, GlueClient } from '@aws-sdk/client-glue';
import {
  AddLFTagsToResourceCommand,
  GetResourceLFTagsCommand,
  LakeFormationClient,
  RemoveLFTagsFromResourceCommand,
} from '@aws-sdk/client-lakeformation';
import { ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Context } from 'aws-lambda';
import { mockClient } from 'aws-sdk-client-mock';
import type { Settings } from '../../lib/adapters/aws/settings.ts';
import { compiled, compiledEntities } from '../../lib/adapters/local/compiled-contracts.ts';
import { loadContracts, parseContract } from '../../lib/contract/parse.ts';
import { VARIABLES } from '../../lib/infra/functions.ts';
import { parseMart } from '../../lib/reports/marts.ts';
import { viewsOf } from '../../lib/reports/views.ts';
import { describeWithEmulator } from '../support/ministack.ts';
import { ordersContract } from '../support/orders-contract.ts';
import { makeStage } from '../support/stage.ts';
import { temporaryFolder } from '../support/temporary.ts';

const folder = temporaryFolder('sync');

const contract = (...columns: readonly string[]) =>
  ordersContract('sync', columns.map((column) => `      - ${column}`).join('\n'));
const PHONE =
  '{ name: phone, logicalType: string, classification: confidential, customProperties: [{ property: pii, value: { kind: phone, action: tokenize } }] }';
const FIRST = contract(
  '{ name: id, logicalType: integer }',
  PHONE,
  '{ name: margin, logicalType: number, physicalType: "decimal(9,2)", classification: internal }',
);
const SECOND = contract(
  '{ name: id, logicalType: integer, classification: internal }',
  PHONE.replace('confidential', 'restricted'),
  '{ name: margin, logicalType: number, physicalType: "decimal(9,2)" }',
  '{ name: city, logicalType: string, description: where it went }',
);
const PEOPLE = `
kind: DataContract
apiVersion: v3.1.0
id: people
version: 1.0.0
status: active
domain: shop
schema:
  - name: people
    customProperties:
      - property: matching
        value:
          sources: [{ dataset: orders, id: [id] }]
          comparisons: [{ column: phone }, { column: margin }]
          blocking: [[phone], [margin]]
          certain: { rules: [[phone, margin]] }
    properties:
      - { name: person_id, logicalType: string, primaryKey: true, primaryKeyPosition: 1, required: true, classification: internal }
      - ${PHONE}
      - { name: margin, logicalType: number, physicalType: "decimal(9,2)" }
`;
const HEADER = '-- purpose: p\n-- grain: id\n-- parameters: none\n-- zone: UTC\n';
const mart = (name: string, sql: string) => parseMart(`sql/shop/${name}.sql`, `${HEADER}${sql};\n`);
const MARTS = [
  mart('a_second', 'SELECT id FROM shop_marts.b_first'),
  mart('b_first', 'SELECT id FROM shop.orders'),
];

// Tables are made in an emulator; views and classes are answered here, as it has no Athena that keeps views and no Lake Formation.
describeWithEmulator('the catalogue sync', (emulator) => {
  let stage: Settings;
  const athena = mockClient(AthenaClient);
  const lakeFormation = mockClient(LakeFormationClient);
  /** Classes by `database.table.column`. */
  const classes = new Map<string, string>();
  const changed: string[] = [];

  beforeAll(async () => {
    stage = await makeStage(emulator());
    for (const [name, value] of Object.entries(stage)) process.env[VARIABLES[name as keyof Settings]] = value;
    Object.assign(process.env, emulator().environment, {
      POWERTOOLS_DEV: 'false',
      POWERTOOLS_LOG_LEVEL: 'SILENT',
      HEADGATE_MARTS: join(folder, 'marts.json'),
      HEADGATE_ENTITIES: join(folder, 'entities.json'),
    });
    writeFileSync(join(folder, 'entities.json'), compiledEntities([]));
    writeFileSync(join(folder, 'marts.json'), JSON.stringify({ views: viewsOf(MARTS), findings: [] }));
  });
  afterAll(() => {
    athena.restore();
    lakeFormation.restore();
  });

  beforeEach(() => {
    changed.length = 0;
    athena.reset();
    lakeFormation.reset();
    athena
      .on(StartQueryExecutionCommand)
      .resolves({ QueryExecutionId: 'q' })
      .on(GetQueryExecutionCommand)
      .resolves({ QueryExecution: { Status: { State: 'SUCCEEDED' }, StatementType: 'DDL' } })
      .on(GetQueryResultsCommand)
      .resolves({});
    const key = `headgate-${stage.stage}-classification`;
    const keyed = (
      LFTags: readonly { TagKey?: string | undefined; TagValues?: string[] | undefined }[] = [],
    ) => {
      expect(LFTags.map(({ TagKey }) => TagKey)).toEqual([key]);
      return LFTags[0]?.TagValues?.[0] ?? '';
    };
    lakeFormation
      .on(GetResourceLFTagsCommand)
      .callsFake(({ Resource }) => ({
        LFTagsOnColumns: [...classes].flatMap(([name, value]) => {
          const table = `${Resource.Table.DatabaseName}.${Resource.Table.Name}.`;
          return name.startsWith(table)
            ? [{ Name: name.slice(table.length), LFTags: [{ TagKey: key, TagValues: [value] }] }]
            : [];
        }),
      }))
      .on(AddLFTagsToResourceCommand)
      .callsFake(({ Resource: { TableWithColumns: table }, LFTags }) => {
        for (const column of table.ColumnNames) {
          const name = `${table.DatabaseName}.${table.Name}.${column}`;
          classes.set(name, keyed(LFTags));
          changed.push(`+ ${name}`);
        }
        return {};
      })
      .on(RemoveLFTagsFromResourceCommand)
      .callsFake(({ Resource: { TableWithColumns: table }, LFTags }) => {
        for (const column of table.ColumnNames) {
          const name = `${table.DatabaseName}.${table.Name}.${column}`;
          expect(classes.get(name)).toBe(keyed(LFTags));
          classes.delete(name);
          changed.push(`- ${name}`);
        }
        return {};
      });
  });

  /** Deploys a contract: a new bundle starts anew. */
  const sync = async (text: string): Promise<unknown> => {
    const file = join(folder, `${randomUUID()}.json`);
    writeFileSync(file, compiled(parseContract(text, 'orders.odcs.yaml').datasets));
    process.env.HEADGATE_DATASETS = file;
    const module = `../../lambdas/sync/handler.ts?${randomUUID()}`;
    const { handler } = (await import(module)) as {
      handler: (event: object, context: Context) => Promise<unknown>;
    };
    const context = {
      functionName: 'sync',
      awsRequestId: randomUUID(),
      getRemainingTimeInMillis: () => 900_000,
    };
    return handler({}, context as Context);
  };

  const table = async (database: string) => {
    const { Table } = await new GlueClient(emulator().config).send(
      new GetTableCommand({ DatabaseName: database, Name: 'orders' }),
    );
    const { Contents = [] } = await new S3Client(emulator().config).send(
      new ListObjectsV2Command({ Bucket: stage.lakeBucket, Prefix: `${database}/orders/metadata/` }),
    );
    return {
      metadata: Table?.Parameters?.metadata_location,
      objects: Contents.length,
      columns: (Table?.StorageDescriptor?.Columns ?? []).map(({ Name, Type }) => `${Name} ${Type}`),
    };
  };

  test('makes tables with their columns, classes and views from contracts and sql/', async () => {
    expect(await sync(FIRST)).toEqual({ tables: 1, views: 2 });
    const ours = ['_source_file string', '_source_row bigint', '_run_id string'];
    expect((await table('shop')).columns).toEqual([
      'id bigint',
      'phone string',
      'margin decimal(9,2)',
      ...ours,
    ]);
    expect((await table('shop_quarantine')).columns).toEqual([
      ...['id string', 'phone string', 'margin string', ...ours, '_byte_start bigint', '_byte_end bigint'],
      '_reasons array<struct<code:string,column:string,rule:string>>',
    ]);
    expect(Object.fromEntries(classes)).toEqual({
      'shop.orders.phone': 'confidential',
      'shop.orders.margin': 'internal',
      'shop_quarantine.orders.phone': 'confidential',
      'shop_quarantine.orders.margin': 'internal',
    });
  });

  test('makes each view after those that it reads, by exactly these statements', () => {
    const asked = async () => {
      await sync(FIRST);
      return athena.commandCalls(StartQueryExecutionCommand).map(({ args }) => args[0].input);
    };
    return expect(asked()).resolves.toEqual(
      [
        `CREATE OR REPLACE VIEW "shop_marts"."b_first" AS\n${HEADER}SELECT id FROM shop.orders`,
        `CREATE OR REPLACE VIEW "shop_marts"."a_second" AS\n${HEADER}SELECT id FROM shop_marts.b_first`,
      ].map((QueryString) => ({ QueryString, WorkGroup: stage.workgroup })),
    );
  });

  test('changes nothing when it is done again', async () => {
    const before = [await table('shop'), await table('shop_quarantine'), Object.fromEntries(classes)];
    await sync(FIRST);
    expect([await table('shop'), await table('shop_quarantine'), Object.fromEntries(classes)]).toEqual(
      before,
    );
    expect(changed).toEqual([]);
  });

  test('evolves tables to the next contract, and takes away classes that it no longer gives', async () => {
    const before = await table('shop');
    await sync(SECOND);
    const after = await table('shop');
    expect(after.metadata).not.toBe(before.metadata);
    expect(after.columns.find((column) => column.startsWith('city '))).toBe('city string');
    expect(Object.fromEntries(classes)).toEqual({
      'shop.orders.id': 'internal',
      'shop.orders.phone': 'restricted',
      'shop_quarantine.orders.id': 'internal',
      'shop_quarantine.orders.phone': 'restricted',
    });
    // What is closed is closed before anything is opened.
    expect(changed.filter((each) => each.includes(' shop.'))).toEqual([
      '+ shop.orders.id',
      '+ shop.orders.phone',
      '- shop.orders.margin',
    ]);
  });

  test('keeps a column that the contract gives up, and its class', async () => {
    await sync(contract('{ name: id, logicalType: integer, classification: internal }'));
    expect((await table('shop')).columns.map((column) => column.split(' ')[0])).toContain('phone');
    expect(classes.get('shop.orders.phone')).toBe('restricted');
  });

  test('gives the tables of an entity the classes of its contract and of the keys of its sources', async () => {
    const { entities } = loadContracts([
      { file: 'orders.odcs.yaml', text: SECOND },
      { file: 'people.odcs.yaml', text: PEOPLE },
    ]);
    writeFileSync(join(folder, 'entities.json'), compiledEntities(entities));
    await sync(SECOND);
    writeFileSync(join(folder, 'entities.json'), compiledEntities([]));
    expect(Object.fromEntries([...classes].filter(([name]) => name.startsWith('shop.people')))).toEqual({
      'shop.people.person_id': 'internal',
      'shop.people.phone': 'confidential',
      'shop.people_xref.person_id': 'internal',
      'shop.people_xref.source_id': 'internal',
      'shop.people_events.person_id': 'internal',
      'shop.people_events.other_id': 'internal',
      'shop.people_review.left_id': 'internal',
      'shop.people_review.right_id': 'internal',
    });
  });

  describe('fails the deploy', () => {
    test('where a table can’t follow its contract', async () => {
      const before = await table('shop');
      const other = contract('{ name: id, logicalType: date }');
      await expect(sync(other)).rejects.toThrow(/id/);
      expect((await table('shop')).metadata).toBe(before.metadata);
    });

    test('where Athena refuses a view', async () => {
      athena.on(GetQueryExecutionCommand).resolves({
        QueryExecution: { Status: { State: 'FAILED', StateChangeReason: 'COLUMN_NOT_FOUND' } },
      });
      await expect(sync(SECOND)).rejects.toThrow(/query q failed: COLUMN_NOT_FOUND/);
    });

    test('where Lake Formation refuses a class', async () => {
      const denied = Object.assign(new Error('no'), {
        name: 'AccessDeniedException',
        $metadata: { httpStatusCode: 403 },
      });
      classes.clear();
      lakeFormation.on(AddLFTagsToResourceCommand).rejects(denied);
      await expect(sync(SECOND)).rejects.toThrow(
        /class internal for id of shop_quarantine.orders: AccessDeniedException/,
      );
      expect(athena.commandCalls(StartQueryExecutionCommand)).toHaveLength(0);
    });
  });
});
