/** Number formats that every workbook has without naming them and that show dates or times (ECMA-376 part 1, 18.8.30). */
const isBuiltIn = (id: number): boolean =>
  (id >= 14 && id <= 22) || (id >= 27 && id <= 36) || (id >= 45 && id <= 47) || (id >= 50 && id <= 58);

/** `[h]:mm:ss` */
const BUILT_IN_DURATION = 46;

/** What a number format shows a number as; undefined for a number. */
export type Shown = 'date' | 'duration' | undefined;

/** By the letters for dates and times outside quotes, escapes, and brackets that are no elapsed time. */
export function shownAs(id: number, code: string | undefined): Shown {
  if (code === undefined) return id === BUILT_IN_DURATION ? 'duration' : isBuiltIn(id) ? 'date' : undefined;
  const [positive = ''] = code.split(';');
  const bare = positive
    .replaceAll(/"[^"]*"|\\.|_.|\*./g, '')
    .replaceAll(/\[(?!h+\]|m+\]|s+\])[^\]]*\]/gi, '')
    .replaceAll(/general/gi, '');
  if (/\[[hms]+\]/i.test(bare) && !/[yd]/i.test(bare)) return 'duration';
  return /[ymdhs]/i.test(bare) ? 'date' : undefined;
}

const DAY = 86_400_000;
/** Day 0 of the epoch of 1900: chosen so that days from 1900-03-01 on are right, because Excel has a 1900-02-29. */
const EPOCH_1900 = Date.UTC(1899, 11, 30);
const EPOCH_1904 = Date.UTC(1904, 0, 1);
const PHANTOM_DAY = 60;
/** 10000-01-01. */
const END = Date.UTC(10_000, 0, 1);

/** Elapsed time as Excel shows it: hours, which may be more than 24, minutes, seconds and what is left of them. */
export function durationText(serial: number): string | undefined {
  if (!Number.isFinite(serial)) return undefined;
  const total = Math.round(Math.abs(serial) * DAY);
  const hours = Math.floor(total / 3_600_000);
  const rest = new Date(total % 3_600_000)
    .toISOString()
    .slice(14, -1)
    .replace(/\.000$/, '');
  return `${serial < 0 && total > 0 ? '-' : ''}${hours}:${rest}`;
}

export type DateShape = 'date' | 'timestamp' | undefined;

/**
 * ISO 8601 text of a serial number, to the millisecond: as a date where it has no time and `wanted` is no timestamp, with its time
 * otherwise. Undefined: no date, as before the epoch or on 1900-02-29, which never was.
 */
export function serialText(serial: number, is1904: boolean, wanted: DateShape): string | undefined {
  if (!Number.isFinite(serial) || serial < 0) return undefined;
  const milliseconds = Math.round(serial * DAY);
  const day = Math.floor(milliseconds / DAY);
  if (!is1904 && day === PHANTOM_DAY) return undefined;
  // Times alone have day 0.
  if (day === 0 && milliseconds > 0 && wanted === undefined)
    return new Date(milliseconds)
      .toISOString()
      .slice(11, -1)
      .replace(/\.000$/, '');
  const epoch = is1904 ? EPOCH_1904 : day < PHANTOM_DAY ? EPOCH_1900 + DAY : EPOCH_1900;
  if (epoch + milliseconds >= END) return undefined;
  const text = new Date(epoch + milliseconds).toISOString();
  const hasTime = milliseconds % DAY !== 0;
  return hasTime || wanted === 'timestamp' ? text.slice(0, -1).replace(/\.000$/, '') : text.slice(0, 10);
}
