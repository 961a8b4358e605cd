/**
 * `breaking`: a file or row that was taken in may now be refused, a query that ran may fail, or the same input gives other values.
 * `compatible`: more is taken in, or there is more to read. `documentation`: nothing that Headgate does changes.
 */
export type Effect = 'breaking' | 'compatible' | 'documentation';

export interface Change {
  readonly effect: Effect;
  /** `domain/name`; nothing for the contract as a whole. */
  readonly dataset?: string;
  /** Column, check or setting. */
  readonly what: string;
  readonly from?: string;
  readonly to?: string;
  /** What it means for those who send files or read the table. */
  readonly because: string;
}

/** Both values as texts where they differ. */
export function changed(
  what: string,
  from: unknown,
  to: unknown,
): Pick<Change, 'what' | 'from' | 'to'> | undefined {
  const [old, fresh] = [shown(from), shown(to)];
  if (old === fresh) return undefined;
  return { what, ...(old === undefined ? {} : { from: old }), ...(fresh === undefined ? {} : { to: fresh }) };
}

const shown = (value: unknown): string | undefined =>
  value === undefined || (Array.isArray(value) && value.length === 0)
    ? undefined
    : typeof value === 'string'
      ? value
      : JSON.stringify(value);
