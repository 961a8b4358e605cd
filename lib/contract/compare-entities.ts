import { type Change, changed } from './change.ts';
import { type EntityDraft, entityId } from './entity.ts';

const SETTINGS = [
  'id',
  'sources',
  'comparisons',
  'blocking',
  'certain',
  'thresholds',
  'survivorship',
] as const;

/** Changes of what a contract says about matching. */
export function compareEntities(
  before: readonly EntityDraft[],
  after: readonly EntityDraft[],
): readonly Change[] {
  const gone = before
    .filter((entity) => !after.some((other) => entityId(other) === entityId(entity)))
    .map(
      (entity): Change => ({
        effect: 'breaking',
        dataset: entityId(entity),
        what: 'entity',
        from: 'there',
        because: 'its tables are no longer kept',
      }),
    );
  const others = after.flatMap((entity): readonly Change[] => {
    const dataset = entityId(entity);
    const old = before.find((other) => entityId(other) === dataset);
    return old === undefined
      ? [{ effect: 'compatible', dataset, what: 'entity', to: 'there', because: 'a new table' }]
      : [...settings(old, entity), ...columns(old, entity)].map((change) => ({ ...change, dataset }));
  });
  return [...gone, ...others];
}

const settings = (before: EntityDraft, after: EntityDraft): readonly Change[] =>
  SETTINGS.flatMap((name): readonly Change[] => {
    const difference = changed(`matching.${name}`, before[name], after[name]);
    const because = 'the same records may give other clusters or other values';
    return difference === undefined ? [] : [{ ...difference, effect: 'breaking', because }];
  });

function columns(before: EntityDraft, after: EntityDraft): readonly Change[] {
  const names = new Set([...before.fields, ...after.fields].map(({ name }) => name));
  return [...names].flatMap((name): readonly Change[] => {
    const [old, fresh] = [before, after].map(({ fields }) => fields.find((field) => field.name === name));
    const shape = (field: typeof old) =>
      field === undefined ? undefined : { ...field.type, pii: field.pii?.action ?? 'none' };
    const difference = changed(name, shape(old), shape(fresh));
    if (difference === undefined) return [];
    return old === undefined
      ? [{ ...difference, effect: 'compatible', because: 'there is more to read' }]
      : [
          {
            ...difference,
            effect: 'breaking',
            because: 'queries that read the column fail or read other values',
          },
        ];
  });
}
