import type { Column, Dataset } from './dataset.ts';

/** Longer names are cut off by tools that read the table. */
const MAX_NAME = 100;

/** `Loyalty Tier` to `loyalty_tier`: the column that a field without one would get; undefined where nothing is left of its name. */
export function driftName(field: string): string | undefined {
  const name = field
    .normalize('NFKD')
    .toLowerCase()
    .replaceAll(/\p{M}/gu, '')
    .replaceAll(/[^a-z0-9]+/g, '_')
    .replace(/^[^a-z]+/, '')
    .replace(/_+$/, '');
  return name === '' || name.length > MAX_NAME ? undefined : name;
}

/** Whether a column that the contract does not know becomes one of the batch, to be added to the table or to refuse rows. */
export const takesDrift = ({ drift }: Dataset): boolean =>
  drift.addedColumn === 'evolve' || drift.addedColumn === 'quarantine';

/**
 * The dataset with columns that files have brought and its contract does not know: texts, as they came. What nobody has classified may be personal:
 * beside personal columns it is published as a token until the contract names it (DESIGN promise 5).
 */
export function withDrift(dataset: Dataset, names: readonly string[]): Dataset {
  const { columns, dedupe, drift, rowChecks } = dataset;
  const known = new Set(columns.flatMap(({ name, formerNames }) => [name, ...formerNames]));
  const added = names.filter((name) => !known.has(name));
  if (added.length === 0 || !takesDrift(dataset)) return dataset;
  const isStray = drift.addedColumn === 'quarantine';
  const pii = columns.some((column) => column.pii !== undefined)
    ? ({ pii: { kind: 'unclassified', action: 'tokenize' } } as const)
    : {};
  const drifted = added.map(
    (name): Column => ({
      name,
      type: { kind: 'string' },
      description: 'Sent by a source and not in the contract: see headgate.schema_changes.',
      required: false,
      unique: false,
      sourceNames: [],
      formerNames: [],
      nullTokens: [''],
      trim: false,
      standardize: [],
      ...pii,
      classification: 'public',
      ...(isStray ? { isStray } : {}),
    }),
  );
  const isWholeRow = dedupe !== undefined && dedupe.keys.length === columns.length && !isStray;
  return {
    ...dataset,
    columns: [...columns, ...drifted],
    ...(isWholeRow ? { dedupe: { ...dedupe, keys: [...dedupe.keys, ...added] } } : {}),
    rowChecks: isStray ? [...rowChecks, ...added.map(holdsNothing)] : rowChecks,
  };
}

const holdsNothing = (column: string): Dataset['rowChecks'][number] => ({
  key: `${column}.unexpected`,
  column,
  code: 'value.unexpected',
  test: { kind: 'length', max: 0 },
  severity: 'error',
  action: 'quarantine',
});
