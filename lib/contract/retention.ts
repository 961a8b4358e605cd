import type { Dataset } from './dataset.ts';

/** How long rows are kept after their business date: calendar units, as `Temporal` takes them. */
export type Period = Readonly<Partial<Record<'years' | 'months' | 'weeks' | 'days', number>>>;

const UNITS: Readonly<Record<string, keyof Required<Period>>> = {
  d: 'days', day: 'days', days: 'days',
  w: 'weeks', week: 'weeks', weeks: 'weeks',
  month: 'months', months: 'months',
  y: 'years', yr: 'years', year: 'years', years: 'years',
}; // biome-ignore format: a list to look things up in

export const RETENTION_ALLOWED = `a whole number above 0 with one of the units ${Object.keys(UNITS).join(', ')}`;

/** Undefined where value and unit are no period. Without a unit: days. */
export function periodOf(value: unknown, unit = 'd'): Period | undefined {
  const name = UNITS[unit];
  if (name === undefined || typeof value !== 'number' || !Number.isInteger(value) || value < 1)
    return undefined;
  return { [name]: value };
}

/** What `slaProperties.retention` says; undefined for a contract without it, whose rows stay for ever. */
export function retentionOf({ service }: Pick<Dataset, 'service'>): Period | undefined {
  const level = service.find(({ property }) => property === 'retention');
  return level === undefined ? undefined : periodOf(level.value, level.unit);
}

const DAYS: Readonly<Record<keyof Required<Period>, number>> = {
  years: 365.25,
  months: 365.25 / 12,
  weeks: 7,
  days: 1,
};

/** Days that rows are kept, roughly; without end where nothing is said. */
export const daysKept = (dataset: Pick<Dataset, 'service'>): number => {
  const [period] = Object.entries(retentionOf(dataset) ?? {});
  return period === undefined ? Number.POSITIVE_INFINITY : period[1] * DAYS[period[0] as keyof Period];
};
