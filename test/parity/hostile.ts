import fc from 'fast-check';

/** Every type, key, check and protection of a contract, so that whatever judges a value is asked. */
export const CONTRACT = `kind: DataContract
apiVersion: v3.1.0
id: shop-hostile
name: Hostile values
version: 1.0.0
status: active
domain: shop
schema:
  - name: hostile
    customProperties:
      - property: ingestion
        value: { landing: 'shop/{businessDate:yyyy-MM-dd}/*.csv', format: csv, writeMode: merge, raw: true, earlier: true, maxRejectPercent: 100, dedupe: { keys: [id], keep: last, orderBy: changed } }
    properties:
      - { name: id, logicalType: string, primaryKey: true, primaryKeyPosition: 1, required: true }
      - { name: big, logicalType: integer }
      - { name: small, logicalType: integer, logicalTypeOptions: { format: i32, minimum: -5 } }
      - { name: price, logicalType: number, physicalType: 'decimal(18,2)' }
      - { name: wide, logicalType: number, physicalType: 'decimal(38,10)' }
      - { name: ratio, logicalType: number }
      - { name: yes, logicalType: boolean }
      - name: day
        logicalType: date
        partitioned: true
        partitionKeyPosition: 1
        customProperties: [{ property: partitionTransform, value: month }]
      - { name: changed, logicalType: timestamp, logicalTypeOptions: { defaultTimezone: Europe/Amsterdam } }
      - name: printed
        logicalType: timestamp
        customProperties: [{ property: dateFormats, value: ['M/d/yyyy H:mm', 'yyyy-MM-dd HH:mm:ss.SSS'] }]
      - { name: code, logicalType: string, logicalTypeOptions: { pattern: '[A-Z\\\\[&]{1,3}\\\\s?\\\\w*', maxLength: 12 } }
      - name: secret
        logicalType: string
        classification: restricted
        customProperties: [{ property: standardize, value: [lowercase, collapseBlanks] }, { property: trim, value: true }, { property: pii, value: { kind: name, action: vault } }]
      - name: score
        logicalType: number
        classification: restricted
        customProperties: [{ property: pii, value: { kind: score, action: tokenize } }]
      - name: iban
        logicalType: string
        classification: restricted
        customProperties: [{ property: pii, value: { kind: iban, action: mask } }]
      - { name: note, logicalType: string, customProperties: [{ property: nullTokens, value: ['NULL', '-'] }] }
    quality:
      - { name: small_before_big, type: custom, engine: headgate, implementation: 'small <= big', customProperties: [{ property: onFailure, value: warn }] }
      - { name: not_many, type: sql, query: 'SELECT count(*) FROM \${table} WHERE "big" < 0 AND code <> ''it''''s''', mustBeLessThan: 1000000 }
      - { metric: rowCount, mustBeGreaterThan: -1 }
`;

const texts = (...values: string[]) => fc.constantFrom(...values);
/** Mostly good values: a row is published only when all of its fields are. */
const some = (good: fc.Arbitrary<string>, own: fc.Arbitrary<string>, ...edges: string[]) =>
  fc.oneof(
    { weight: 40, arbitrary: good },
    { weight: 2, arbitrary: own },
    { weight: 2, arbitrary: texts(...edges) },
    {
      weight: 1,
      arbitrary: texts(
        '',
        ' ',
        'NULL',
        'x',
        '\t',
        '１２',
        'NaN',
        'nan',
        'Infinity',
        '-Infinity',
        'inf',
        '-',
        '0x10',
        '1e3',
        '1,5',
        ' 12 ',
      ),
    },
  );

const whole = (min: number, max: number) => fc.integer({ min, max }).map(String);
const digits = (most: number) =>
  fc.bigInt({ min: -(10n ** BigInt(most)), max: 10n ** BigInt(most) }).map(String);
const fraction = (most: number) =>
  fc
    .tuple(digits(most), fc.stringMatching(/^[0-9]{0,12}$/))
    .map(([whole, rest]) => (rest === '' ? whole : `${whole}.${rest}`));
const two = (value: number) => String(value).padStart(2, '0');
const day = fc
  .tuple(
    fc.integer({ min: 0, max: 10_000 }),
    fc.integer({ min: 0, max: 13 }),
    fc.integer({ min: 0, max: 32 }),
  )
  .map(([year, month, date]) => `${String(year).padStart(4, '0')}-${two(month)}-${two(date)}`);
const time = fc
  .tuple(
    day,
    fc.constantFrom('T', ' '),
    fc.integer({ min: 0, max: 24 }),
    fc.integer({ min: 0, max: 60 }),
    fc.stringMatching(/^(:[0-5][0-9]([.][0-9]{1,7})?)?$/),
    texts('', 'Z', '+02:00', '-11:30', ' +0530', '+14:00', '+1'),
  )
  .map(([date, sign, hour, minute, rest, zone]) => `${date}${sign}${two(hour)}:${two(minute)}${rest}${zone}`);
const printed = fc
  .tuple(
    fc.integer({ min: 0, max: 13 }),
    fc.integer({ min: 0, max: 32 }),
    fc.integer({ min: 0, max: 12_000 }),
    fc.integer({ min: 0, max: 25 }),
  )
  .map(([month, date, year, hour]) => `${month}/${date}/${year} ${hour}:05`);
const words = fc
  .string({ unit: 'grapheme', maxLength: 14 })
  .map((text) => text.replaceAll(/\p{Cc}|\p{Cs}/gu, ' '));

const fields = [
  some(whole(0, 3000), fc.integer({ min: 0, max: 3000 }).map(String), 'a', 'A', 'é', 'e\u0301', '0', '00'),
  some(
    whole(-100, 100_000),
    digits(20),
    '9223372036854775807',
    '9223372036854775808',
    '-9223372036854775808',
    '-9223372036854775809',
    '-0',
    '007',
    '+1',
  ),
  some(whole(-5, 5000), digits(11), '2147483647', '2147483648', '-2147483649', '-5', '-6'),
  some(
    texts('0.00', '12.34', '-7.5', '99.9', '1000000.01'),
    fraction(17),
    '9999999999999999.99',
    '99999999999999999.99',
    '0.005',
    '1.500',
    '1.501',
    '-0.00',
    '.5',
    '5.',
  ),
  some(
    texts('1.5', '0.0000000001', '-12.25', '7'),
    fraction(29),
    '9999999999999999999999999999.9999999999',
    '0.0000000001',
    '0.00000000001',
  ),
  some(
    texts('0.1', '1e5', '-2.5', '1e16', '0.00001', '123456.789'),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
    '1e308',
    '1e309',
    '-1e-320',
    '5.',
    '.5',
    '1e16',
    '1e15',
    '0.0001',
    '0.00001',
    '-0',
    '123456789012345678',
    '9007199254740993',
  ),
  some(
    texts('true', 'FALSE', ''),
    texts('true', 'false', 'TRUE', 'False'),
    '1',
    '0',
    'yes',
    't',
    'fal\u017fe',
  ),
  some(
    texts('2020-01-31', '2020-02-29', '2021-12-01', '0001-01-01', '9999-12-31', ''),
    day,
    '2000-02-29',
    '1900-02-29',
    '1899-12-31',
    '2011-02-30',
    '1582-10-10',
    '0001-01-01',
    '9999-12-31',
    '0000-01-01',
    '2020-1-1',
    '10000-01-01',
  ),
  some(
    texts(
      '2026-03-29T02:30:00',
      '2026-10-25T02:30:00',
      '2026-01-31 10:00:00.5',
      '1969-12-31T23:59:59.999999Z',
      '2026-01-31T23:59+02:00',
      '',
    ),
    time,
    '2026-03-29T02:30:00',
    '2026-10-25T02:30:00',
    '1883-11-18 12:00',
    '0001-01-01T00:00:00+14:00',
    '9999-12-31T23:59:59.999999-12:00',
    '1969-12-31T23:59:59.999999Z',
    '2011-01-01 00:00:00.1234567',
    '1969-12-31T23:59:59.9999995Z',
    '9999-12-31T23:59:59.9999999',
    '10000-01-01T00:00:00Z',
    '2026-03-29T02:30:00+01:00',
  ),
  some(
    texts('1/4/2011 10:05', '12/31/1899 0:05', '2011-01-04 10:05:00.120', ''),
    printed,
    '1/4/2011 10:05',
    '01/4/2011 10:05',
    '2011-01-04 10:05:00.120',
    '2/30/2011 1:05',
    '1/1/99999 1:05',
  ),
  some(
    texts('AB', 'A[&', '[', 'ABC x1', ''),
    words,
    'AB',
    'A[&',
    '\u212a',
    'AB\u000bx',
    'ABc',
    'A\u00a0b',
    "it's",
    'a\\b',
  ),
  some(words, words, 'Zoë', 'İstanbul', 'ΣΑΣ', 'straße', 'ẞ', ' a  b ', 'NULL'),
  some(
    texts('1e15', '1e16', '0.1', '1e-5', '100', ''),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
    '1e15',
    '1e16',
    '0.1',
    '1e-5',
    '100',
  ),
  some(words, words, 'NL91ABNA0417164300', '😀😀😀😀😀😀😀😀😀😀😀😀', '12345678901'),
  // Empty, blank and null; one letter in two forms; the last signs before the surrogates, after them, and above; quotes in quotes.
  some(
    texts('', ' ', 'NULL', '-', '"', '""', 'say "so"', '","', 'é', 'e\u0301', '\u212b', 'Å'),
    words,
    '\ud7ff',
    '\ue000',
    '\uffee',
    '😀',
    '\u{10fffd}',
  ),
];

const inQuotes = (text: string): string => `"${text.replaceAll('"', '""')}"`;
const quoted = (text: string): string => (/[",\n\r]/.test(text) || text === ' ' ? inQuotes(text) : text);

/**
 * `lines`: each record is a line, so Spark may cut the file. `broken`: some go over several, which it finds out when it counts them. `surplus`: some end with
 * delimiters too many, for which the file is written anew.
 */
export type Shape = 'lines' | 'broken' | 'surplus';

/** Mostly whole records; some with every field in quotes, a field too many, too few, or a quote where none may be. */
const recordOf = (shape: Shape) =>
  fc.tuple(fc.tuple(...fields), fc.integer({ min: 0, max: 60 })).map(([values, luck]) => {
    const line = values.map(quoted).join(',');
    if (luck === 0) return `${line},more`;
    if (luck === 1) return values.slice(0, 3).map(quoted).join(',');
    if (luck === 2 && !line.endsWith(',')) return `"a"b,${line}`;
    if (luck === 3 && shape === 'surplus') return `${line},,`;
    if (luck === 4 && shape === 'broken')
      return [...values.slice(0, -1), 'over\nlines'].map(quoted).join(',');
    return luck < 10 ? values.map(inQuotes).join(',') : line;
  });

export const HEADER = 'id,big,small,price,wide,ratio,yes,day,changed,printed,code,secret,score,iban,note';

/** The same seed gives the same file. */
export const hostileCsv = (rows: number, seed: number, shape: Shape = 'lines'): string =>
  `${HEADER}\n${fc.sample(recordOf(shape), { numRuns: rows, seed }).join('\n')}\n`;
