import { utimesSync } from 'node:fs';
import { join } from 'node:path';
import type { CasePlace } from '../../support/case-place.ts';

const at = (landing: string, name: string, minute: number) => {
  const time = new Date(`2026-02-01T06:0${minute}:00Z`);
  utimesSync(join(landing, 'shop/2026-01-31', name), time, time);
};

/** A member that lands after the marker waits for the next one. */
export function first({ landing }: CasePlace): undefined {
  at(landing, 'a.csv', 1);
  at(landing, '_SUCCESS', 2);
  at(landing, 'b.csv', 3);
}

export const second = ({ landing }: CasePlace): void => at(landing, '_SUCCESS', 3);
