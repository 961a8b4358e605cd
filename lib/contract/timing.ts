import { TerminalError } from '../errors.ts';
import { isTimeZone } from './columns.ts';
import type { ArrivalCalendar, Dataset, FileSet, VolumeRule } from './dataset.ts';
import type { Ingestion } from './ingestion-schema.ts';
import { compileLandingPattern } from './landing-pattern.ts';
import type { ContractDocument } from './odcs-schema.ts';
import type { Path, Problem } from './problems.ts';
import { periodOf, RETENTION_ALLOWED } from './retention.ts';

export interface Timing {
  readonly value: Pick<Dataset, 'fileSet' | 'arrivals' | 'volume'>;
  readonly problems: readonly Problem[];
}

/** `HH:mm`, with the offset that the standard's own example has, or without: then in the calendar's zone. */
export const TIME_OF_DAY = /^([01]\d|2[0-3]):[0-5]\d(Z|[+-](?:0\d|1[0-4]):[0-5]\d)?$/;

/** What a contract says about when files come, which belong together, and how many rows are usual. */
export function timingOf(
  { fileSet, arrivals, volume }: Pick<Ingestion, 'fileSet' | 'arrivals' | 'volume'>,
  { slaProperties }: Pick<ContractDocument, 'slaProperties'>,
  path: Path,
): Timing {
  const problems: Problem[] = [];
  const complain = (message: string) =>
    problems.push({ path: [...path, 'customProperties'], message: `ingestion: ${message}` });
  for (const [index, { property, value, unit }] of (slaProperties ?? []).entries()) {
    if (property === 'retention' && periodOf(value, unit ?? undefined) === undefined)
      problems.push({
        path: ['slaProperties', index, 'value'],
        message: `${JSON.stringify(value)} ${unit ?? 'd'} is no time to keep rows; allowed: ${RETENTION_ALLOWED}`,
      });
    if (property === 'timeOfAvailability' && !TIME_OF_DAY.test(String(value)))
      problems.push({
        path: ['slaProperties', index, 'value'],
        message: `${JSON.stringify(value)} is no time of day; allowed: HH:mm, or HH:mm+hh:mm with an offset`,
      });
  }
  if (arrivals !== undefined && !isTimeZone(arrivals.timezone))
    complain(
      `arrivals.timezone ${JSON.stringify(arrivals.timezone)} is no time zone; allowed: IANA names such as Europe/Amsterdam, or UTC`,
    );
  const set = fileSet === undefined ? undefined : fileSetOf(fileSet, complain);
  return {
    value: {
      ...(set === undefined ? {} : { fileSet: set }),
      ...(arrivals === undefined ? {} : { arrivals: arrivals satisfies ArrivalCalendar }),
      ...(volume === undefined ? {} : { volume: volume satisfies VolumeRule }),
    },
    problems,
  };
}

function fileSetOf(
  { manifest, marker, count, deadlineHours }: NonNullable<Ingestion['fileSet']>,
  complain: (message: string) => void,
): FileSet | undefined {
  const given = [
    ...(manifest === undefined ? [] : [{ kind: 'manifest', pattern: manifest } as const]),
    ...(marker === undefined ? [] : [{ kind: 'marker', pattern: marker } as const]),
    ...(count === undefined ? [] : [{ kind: 'count', count } as const]),
  ];
  const [only] = given;
  if (only === undefined || given.length > 1) {
    complain(`fileSet has ${given.length} of manifest, marker and count; exactly one makes a set`);
    return undefined;
  }
  if ('pattern' in only) requirePattern(only.pattern, complain);
  return { ...only, deadlineHours };
}

function requirePattern(pattern: string, complain: (message: string) => void): void {
  try {
    compileLandingPattern(pattern);
  } catch (error) {
    if (!(error instanceof TerminalError)) throw error;
    complain(`fileSet: ${error.message}`);
  }
}
