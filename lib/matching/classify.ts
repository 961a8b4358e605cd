import type { Entity } from '../contract/entity.ts';
import { classifyTable } from '../pipeline/classify.ts';
import type { Services } from '../pipeline/services.ts';
import type { ColumnTags } from '../ports/column-tags.ts';
import { classesOfMatch, MATCH_TABLES, matchTable } from './tables.ts';

/** Gives an entity's tables the classes of its contract, and those of the keys that its sources' records have. */
export async function classifyEntityTables(
  services: Services,
  tags: ColumnTags,
  entity: Entity,
): Promise<void> {
  for (const table of MATCH_TABLES) {
    const wanted = classesOfMatch(entity, table);
    await classifyTable(services, tags, { output: 'curated', name: matchTable(entity, table), wanted });
  }
}
