/** Number formats that every workbook has without naming them and that show dates or times (ECMA-376 part 1, 18.8.30). */
const isBuiltIn = (id: number): boolean =>
  (id >= 14 && id <= 22) || (id >= 27 && id <= 36) || (id >= 45 && id <= 47) || (id >= 50 && id <= 58);

/** Whether a number format shows a date or time: a letter for one outside quotes, escapes, and brackets that are no elapsed time. */
export function isDateFormat(id: number, code: string | undefined): boolean {
  if (code === undefined) return isBuiltIn(id);
  const [positive = ''] = code.split(';');
  const bare = positive
    .replaceAll(/"[^"]*"|\\.|_.|\*./g, '')
    .replaceAll(/\[(?!h+\]|m+\]|s+\])[^\]]*\]/gi, '')
    .replaceAll(/general/gi, '');
  return /[ymdhs]/i.test(bare);
}

const DAY = 86_400_000;
/** Day 0 of the epoch of 1900: chosen so that days from 1900-03-01 on are right, because Excel has a 1900-02-29. */
const EPOCH_1900 = Date.UTC(1899, 11, 30);
const EPOCH_1904 = Date.UTC(1904, 0, 1);
const PHANTOM_DAY = 60;

export type DateShape = 'date' | 'timestamp' | undefined;

/**
 * ISO 8601 text of a serial number, to the millisecond: as a date where it has no time and `wanted` is no timestamp, with its time
 * otherwise. Undefined: no date, as before the epoch or on 1900-02-29, which never was.
 */
export function serialText(serial: number, is1904: boolean, wanted: DateShape): string | undefined {
  if (!Number.isFinite(serial) || serial < 0 || serial > 2_958_466) return undefined;
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
  const text = new Date(epoch + milliseconds).toISOString();
  const hasTime = milliseconds % DAY !== 0;
  return hasTime || wanted === 'timestamp' ? text.slice(0, -1).replace(/\.000$/, '') : text.slice(0, 10);
}
