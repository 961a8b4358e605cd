import { type Column, GetTableCommand, type GlueClient, UpdateTableCommand } from '@aws-sdk/client-glue';
import {
  AddLFTagsToResourceCommand,
  GetResourceLFTagsCommand,
  type LakeFormationClient,
  type LFTagError,
  RemoveLFTagsFromResourceCommand,
  type Resource,
} from '@aws-sdk/client-lakeformation';
import { ConflictError, TransientError } from '../../errors.ts';
import type { TableName } from '../../ports/catalog.ts';
import type { CatalogColumn, ColumnTags } from '../../ports/column-tags.ts';
import { asking, awsError } from './errors.ts';
import { tableInput } from './glue-catalog.ts';

export interface LakeFormationOptions {
  readonly glue: GlueClient;
  readonly lakeFormation: LakeFormationClient;
  /** Key of the LF-Tag that holds a column's class. */
  readonly tagKey: string;
}

const MOST_ATTEMPTS = 5;

/** Classes are values of one LF-Tag, assigned to columns; a column without one inherits its database's. */
export function lakeFormationTags({ glue, lakeFormation, tagKey }: LakeFormationOptions): ColumnTags {
  const pair = (value: string) => ({ TagKey: tagKey, TagValues: [value] });
  return {
    async describe(table, columns) {
      await untilNobodyElse(`columns of ${nameOf(table)} in Glue`, async () => {
        const { Table: current } = await asking(`look-up of ${nameOf(table)} in Glue`, () =>
          glue.send(new GetTableCommand({ DatabaseName: table.database, Name: table.name })),
        );
        if (current === undefined)
          throw new ConflictError(`${nameOf(table)} is not in Glue`, { fault: 'headgate' });
        const wanted = columns.map(glueColumn);
        const { StorageDescriptor = {}, VersionId } = current;
        if (JSON.stringify(wanted) === JSON.stringify((StorageDescriptor.Columns ?? []).map(withoutMore)))
          return;
        await asking(`columns of ${nameOf(table)} in Glue`, () =>
          glue.send(
            new UpdateTableCommand({
              DatabaseName: table.database,
              TableInput: {
                ...tableInput(current),
                StorageDescriptor: { ...StorageDescriptor, Columns: wanted },
              },
              ...(VersionId === undefined ? {} : { VersionId }),
              SkipArchive: true,
            }),
          ),
        );
      });
    },
    async classes(table) {
      const { LFTagsOnColumns = [] } = await asking(`classes of ${nameOf(table)}`, () =>
        lakeFormation.send(
          new GetResourceLFTagsCommand({
            Resource: { Table: { DatabaseName: table.database, Name: table.name } },
            ShowAssignedLFTags: true,
          }),
        ),
      );
      return new Map(
        LFTagsOnColumns.flatMap(({ Name, LFTags = [] }) => {
          const value = LFTags.find(({ TagKey }) => TagKey === tagKey)?.TagValues?.[0];
          return Name === undefined || value === undefined ? [] : [[Name, value] as const];
        }),
      );
    },
    async assign(table, columns, value) {
      const what = `class ${value} for ${columns.join(', ')} of ${nameOf(table)}`;
      await untilNobodyElse(what, async () => {
        const command = new AddLFTagsToResourceCommand({
          Resource: columnsOf(table, columns),
          LFTags: [pair(value)],
        });
        refuse(what, (await asking(what, () => lakeFormation.send(command))).Failures);
      });
    },
    async remove(table, columns, value) {
      const what = `taking of the class ${value} from ${columns.join(', ')} of ${nameOf(table)}`;
      await untilNobodyElse(what, async () => {
        const command = new RemoveLFTagsFromResourceCommand({
          Resource: columnsOf(table, columns),
          LFTags: [pair(value)],
        });
        refuse(what, (await asking(what, () => lakeFormation.send(command))).Failures);
      });
    },
  };
}

const nameOf = ({ database, name }: TableName): string => `${database}.${name}`;

const columnsOf = ({ database, name }: TableName, columns: readonly string[]): Resource => ({
  TableWithColumns: { DatabaseName: database, Name: name, ColumnNames: [...columns] },
});

const glueColumn = ({ name, type, doc }: CatalogColumn) => ({
  Name: name,
  Type: type,
  // Glue's limit, https://docs.aws.amazon.com/glue/latest/webapi/API_Column.html
  ...(doc === undefined ? {} : { Comment: doc.slice(0, 255) }),
});

const withoutMore = ({ Name, Type, Comment }: Column) => ({
  Name,
  Type,
  ...(Comment === undefined ? {} : { Comment }),
});

/** A call may be answered with 200 and yet have failed for a tag. */
function refuse(what: string, failures: readonly LFTagError[] = []): void {
  const [first] = failures;
  if (first === undefined) return;
  const { ErrorCode = 'Error', ErrorMessage = '' } = first.Error ?? {};
  throw awsError(
    what,
    Object.assign(new Error(ErrorMessage), { name: ErrorCode, $metadata: { httpStatusCode: 400 } }),
  );
}

/** Runs publish while a stage is deployed: their change of the table is let go first. */
async function untilNobodyElse(what: string, attempt: () => Promise<void>): Promise<void> {
  for (let count = 1; count <= MOST_ATTEMPTS; count++) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof ConflictError)) throw error;
    }
  }
  throw new TransientError(`${what}: others changed it ${MOST_ATTEMPTS} times; deploy again`, {
    fault: 'headgate',
  });
}
