import type { Dataset } from '../contract/dataset.ts';
import { tableOf } from '../plan/tables.ts';
import type { CatalogColumn, ColumnTags } from '../ports/column-tags.ts';
import { classChanges } from '../privacy/classes.ts';
import type { Field, FieldType } from '../table/schema.ts';
import { loadTable, shapeOf } from '../table/table.ts';
import { tablePorts } from './context.ts';
import { outputsOf } from './plan-run.ts';
import type { Services } from './services.ts';

/**
 * Shows the columns of a dataset's tables in the catalogue and gives them the classes of the contract; a class that the contract no longer gives
 * is taken away. What is closed is closed before anything is opened. Doing it again changes nothing.
 */
export async function classifyTables(services: Services, tags: ColumnTags, dataset: Dataset): Promise<void> {
  for (const output of outputsOf(dataset)) {
    const name = tableOf(dataset, output);
    const table = await loadTable(tablePorts(services, output), name);
    if (table === undefined) continue;
    const { schema } = shapeOf(table.metadata);
    await tags.describe(name, schema.map(catalogColumn));
    const columns = schema.map((field) => field.name);
    const changes = classChanges(dataset, output, { columns, classes: await tags.classes(name) });
    for (const [value, names] of changes.assign) await tags.assign(name, names, value);
    for (const [value, names] of changes.remove) await tags.remove(name, names, value);
  }
}

const catalogColumn = ({ name, type, doc }: Field): CatalogColumn => ({
  name,
  type: hiveType(type),
  ...(doc === undefined ? {} : { doc }),
});

/** As Iceberg's own GlueCatalog writes types for Glue (IcebergToGlueConverter). */
export function hiveType(type: FieldType): string {
  if (typeof type === 'string') {
    if (type.startsWith('decimal')) return type.replaceAll(' ', '');
    switch (type) {
      case 'long':
        return 'bigint';
      case 'timestamptz':
        return 'timestamp';
      case 'time':
        return 'string';
      default:
        return type;
    }
  }
  return type.type === 'list'
    ? `array<${hiveType(type.element)}>`
    : `struct<${type.fields.map((field) => `${field.name}:${hiveType(field.type)}`).join(',')}>`;
}
