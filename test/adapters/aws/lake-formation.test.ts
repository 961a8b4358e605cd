import { GetTableCommand, GlueClient, UpdateTableCommand } from '@aws-sdk/client-glue';
import {
  AddLFTagsToResourceCommand,
  GetResourceLFTagsCommand,
  LakeFormationClient,
  RemoveLFTagsFromResourceCommand,
} from '@aws-sdk/client-lakeformation';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { mockClient } from 'aws-sdk-client-mock';
import { lakeFormationTags } from '../../../lib/adapters/aws/lake-formation.ts';
import { TerminalError, TransientError } from '../../../lib/errors.ts';

const glue = new GlueClient({ region: 'eu-west-1' });
const lakeFormation = new LakeFormationClient({ region: 'eu-west-1' });
const tags = lakeFormationTags({ glue, lakeFormation, tagKey: 'k' });
const table = { database: 'db', name: 'tbl' };
const Column = (...ColumnNames: string[]) => ({
  TableWithColumns: { DatabaseName: 'db', Name: 'tbl', ColumnNames },
});
const error = (name: string, httpStatusCode = 400) =>
  Object.assign(new Error(`${name} happened`), { name, $metadata: { httpStatusCode } });

const glueStub = mockClient(glue);
const stub = mockClient(lakeFormation);
const asked = (which: { calls(): { args: readonly { input: unknown }[] }[] }) =>
  which.calls().map(({ args }) => args[0]?.input);
beforeEach(() => {
  glueStub.reset();
  stub.reset();
});

describe('classes of columns', () => {
  test('are those assigned to the columns themselves, of this key alone', async () => {
    stub.on(GetResourceLFTagsCommand).resolves({
      LFTagOnDatabase: [{ TagKey: 'k', TagValues: ['public'] }],
      LFTagsOnColumns: [
        {
          Name: 'phone',
          LFTags: [
            { TagKey: 'other', TagValues: ['x'] },
            { TagKey: 'k', TagValues: ['secret'] },
          ],
        },
        { Name: 'id', LFTags: [{ TagKey: 'other', TagValues: ['x'] }] },
      ],
    });
    expect(await tags.classes(table)).toEqual(new Map([['phone', 'secret']]));
    expect(asked(stub)).toEqual([
      { Resource: { Table: { DatabaseName: 'db', Name: 'tbl' } }, ShowAssignedLFTags: true },
    ]);
  });

  test('are assigned and taken away, one request for all columns of a class', async () => {
    stub.onAnyCommand().resolves({ Failures: [] });
    await tags.assign(table, ['a', 'b'], 'restricted');
    await tags.remove(table, ['c'], 'secret');
    expect(stub.commandCalls(AddLFTagsToResourceCommand).map(({ args }) => args[0].input)).toEqual([
      { Resource: Column('a', 'b'), LFTags: [{ TagKey: 'k', TagValues: ['restricted'] }] },
    ]);
    expect(stub.commandCalls(RemoveLFTagsFromResourceCommand).map(({ args }) => args[0].input)).toEqual([
      { Resource: Column('c'), LFTags: [{ TagKey: 'k', TagValues: ['secret'] }] },
    ]);
  });

  test('that an answer of 200 refuses are refused', async () => {
    const Failures = [
      { LFTag: { TagKey: 'k', TagValues: ['x'] }, Error: { ErrorCode: 'AccessDeniedException' } },
    ];
    stub.onAnyCommand().resolves({ Failures });
    const assigned = tags.assign(table, ['a'], 'restricted');
    await expect(assigned).rejects.toBeInstanceOf(TerminalError);
    await expect(assigned).rejects.toThrow('class restricted for a of db.tbl: AccessDeniedException');
    await expect(tags.remove(table, ['a'], 'x')).rejects.toBeInstanceOf(TerminalError);
  });

  test('are asked for again while others change them, five times', async () => {
    stub
      .on(AddLFTagsToResourceCommand)
      .rejectsOnce(error('ConcurrentModificationException'))
      .resolvesOnce({
        Failures: [{ LFTag: undefined, Error: { ErrorCode: 'ConcurrentModificationException' } } as never],
      })
      .resolves({});
    await tags.assign(table, ['a'], 'restricted');
    expect(stub.calls()).toHaveLength(3);
    stub.reset();
    stub.on(RemoveLFTagsFromResourceCommand).rejects(error('ConcurrentModificationException'));
    await expect(tags.remove(table, ['a'], 'x')).rejects.toBeInstanceOf(TransientError);
    expect(stub.calls()).toHaveLength(5);
  });
});

describe('columns in Glue', () => {
  const standing = {
    Name: 'tbl',
    VersionId: '7',
    Owner: 'someone',
    CreateTime: new Date(0),
    StorageDescriptor: {
      Location: 's3://b/db/tbl',
      Columns: [{ Name: 'id', Type: 'bigint', Comment: 'an id', Parameters: { of: 'others' } }],
    },
    Parameters: { metadata_location: 'm' },
  };

  test('are written by version, and everything else stays', async () => {
    glueStub.on(GetTableCommand).resolves({ Table: standing }).on(UpdateTableCommand).resolves({});
    await tags.describe(table, [
      { name: 'id', type: 'bigint', doc: 'x'.repeat(300) },
      { name: 'tag', type: 'string' },
    ]);
    expect(asked(glueStub)).toEqual([
      { DatabaseName: 'db', Name: 'tbl' },
      {
        DatabaseName: 'db',
        VersionId: '7',
        SkipArchive: true,
        TableInput: {
          Name: 'tbl',
          Owner: 'someone',
          StorageDescriptor: {
            Location: 's3://b/db/tbl',
            Columns: [
              { Name: 'id', Type: 'bigint', Comment: 'x'.repeat(255) },
              { Name: 'tag', Type: 'string' },
            ],
          },
          Parameters: { metadata_location: 'm' },
        },
      },
    ]);
  });

  test('that are the same are not written', async () => {
    glueStub.on(GetTableCommand).resolves({ Table: standing });
    await tags.describe(table, [{ name: 'id', type: 'bigint', doc: 'an id' }]);
    expect(glueStub.commandCalls(UpdateTableCommand)).toHaveLength(0);
  });

  test('are written on what a run has published in between', async () => {
    glueStub
      .on(GetTableCommand)
      .resolvesOnce({ Table: standing })
      .resolves({ Table: { ...standing, VersionId: '8', Parameters: { metadata_location: 'm2' } } })
      .on(UpdateTableCommand)
      .rejectsOnce(error('ConcurrentModificationException'))
      .resolves({});
    await tags.describe(table, [{ name: 'id', type: 'int' }]);
    const [, last] = glueStub.commandCalls(UpdateTableCommand).map(({ args }) => args[0].input);
    expect(last).toMatchObject({ VersionId: '8', TableInput: { Parameters: { metadata_location: 'm2' } } });
  });
});
