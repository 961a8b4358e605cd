/**
 * Pollution of a clean CSV file in the dimensions of the Pollock benchmark (Vitagliano et al., "Pollock: A Data Loading Benchmark", PVLDB 16(8),
 * 2023; list of pollutions in the README of HPI-Information-Systems/Pollock), and encodings, ragged ends and footers beside them.
 */
export interface Polluted {
  readonly dimension: string;
  readonly name: string;
  readonly bytes: Buffer;
  /** What a contract says that knows of it; `undefined` where none can. */
  readonly csv?: Readonly<Record<string, unknown>>;
  /** Rows of the clean file that the file holds. */
  readonly rows: readonly number[];
}

export const COLUMNS: readonly string[] = [
  'id',
  'day',
  'name',
  'city',
  'amount',
  'note',
  'email',
  'quantity',
  'code',
];
type Row = readonly string[];

/** Every value names its row, so that it can be found again wherever it ends. Row numbers from 1. */
export const cleanRow = (n: number): Row => [
  String(1000 + n),
  `2026-01-${String(1 + (n % 28)).padStart(2, '0')}`,
  `name ${n}`,
  n % 3 === 0 ? `Saint-Étienne, ${n}` : `city ${n}`,
  `${n}.50`,
  n % 5 === 0 ? `said "well ${n}" twice` : `note ${n}`,
  `person${n}@example.org`,
  String(n),
  `code-${n}`,
];

interface Dialect {
  readonly delimiter: string;
  readonly quote: string;
  /** Before a quote within a quoted value. */
  readonly escape: string;
  readonly end: string;
}

const CLEAN: Dialect = { delimiter: ',', quote: '"', escape: '"', end: '\r\n' };

function field(value: string, { delimiter, quote, escape }: Dialect): string {
  const special = [delimiter.trim() || ' ', quote, '\n', '\r'].some((sign) => value.includes(sign));
  const inner = value.replaceAll(quote, `${escape}${quote}`);
  return special || value.includes(delimiter) ? `${quote}${inner}${quote}` : value;
}

const line = (row: Row, dialect: Dialect): string =>
  row.map((value) => field(value, dialect)).join(dialect.delimiter);

/** Every polluted version of a file of so many rows. */
export function* pollutions(count: number): Generator<Polluted> {
  const numbers = Array.from({ length: count }, (_, index) => index + 1);
  const rows = numbers.map(cleanRow);
  const header = [...COLUMNS];
  const text = (dialect: Dialect, all: readonly Row[] = [header, ...rows]) =>
    all.map((row) => line(row, dialect) + dialect.end).join('');
  const lines = (change: (index: number, fields: string[]) => string) =>
    [header, ...rows]
      .map(
        (row, index) =>
          change(
            index,
            row.map((value) => field(value, CLEAN)),
          ) + CLEAN.end,
      )
      .join('');
  const plain = text(CLEAN);
  const made = (
    dimension: string,
    name: string,
    content: string | Buffer,
    more: Partial<Polluted> = {},
  ): Polluted => ({
    dimension,
    name,
    bytes: typeof content === 'string' ? Buffer.from(content) : content,
    rows: numbers,
    ...more,
  });

  yield made('none', 'clean', plain, { csv: {} });
  yield made('size', 'no payload', '', { rows: [] });
  yield made('size', 'header only', text(CLEAN, [header]), { rows: [], csv: {} });
  yield made('size', 'one row', text(CLEAN, [header, cleanRow(1)]), { rows: [1], csv: {} });
  yield made('end of file', 'no line end', plain.slice(0, -2), { csv: {} });
  yield made('end of file', 'two line ends', `${plain}\r\n`, { csv: {} });
  yield made('end of file', 'twenty line ends', plain + '\r\n'.repeat(20), { csv: {} });
  yield made('end of file', 'cut in the last row', plain.slice(0, -12));
  yield made('header', 'none', text(CLEAN, rows), { csv: { header: false } });
  yield made('header', 'two rows', text(CLEAN, [header, header.map((name) => `${name} unit`), ...rows]));
  yield made(
    'header',
    'three rows',
    text(CLEAN, [header, header.map(() => ''), header.map(() => 'x'), ...rows]),
  );
  yield made('header', 'in capitals', text(CLEAN, [header.map((name) => name.toUpperCase()), ...rows]));
  yield made(
    'header',
    'other order',
    text(CLEAN, [header.toReversed(), ...rows.map((row) => row.toReversed())]),
    { csv: {} },
  );
  yield made('header', 'repeated name', text(CLEAN, [header.with(8, 'name'), ...rows]));
  yield made('header', 'blank name', text(CLEAN, [header.with(8, ''), ...rows]));
  yield made('preamble', 'four lines', `Report of 2026\r\nby nobody\r\n,,,\r\n\r\n${plain}`, {
    csv: { skipLines: 4 },
  });
  yield made('preamble', 'with a quote', `Report "of 2026\r\n${plain}`, { csv: { skipLines: 1 } });
  yield made('footer', 'a total', `${plain}\r\nTOTAL,,,,${count}.50\r\n`);
  yield made('footer', 'a line of text', `${plain}End of the report, all rights reserved\r\n`);
  yield made('footer', 'a trailer', `${plain}END,${count}\r\n`, {
    csv: { trailer: { prefix: 'END', countField: 1 } },
  });
  const other = (width: number) =>
    Array.from({ length: 5 }, (_, n) => Array.from({ length: width }, (_each, at) => `t${n}${at}`));
  for (const [name, width] of [
    ['fewer columns', 5],
    ['more columns', 13],
    ['as many columns', 9],
  ] as const) {
    yield made('several tables', `the other one first, ${name}`, `${text(CLEAN, other(width))}\r\n${plain}`);
    yield made('several tables', `the other one last, ${name}`, `${plain}\r\n${text(CLEAN, other(width))}`);
  }
  for (const [name, delimiter] of [
    ['blank', ' '],
    ['semicolon', ';'],
    ['tab', '\t'],
    ['pipe', '|'],
  ] as const)
    yield made('delimiter', name, text({ ...CLEAN, delimiter }), { csv: { delimiter } });
  yield made('delimiter', 'comma and blank', text({ ...CLEAN, delimiter: ', ' }));
  yield made('quote', 'apostrophe', text({ ...CLEAN, quote: "'", escape: "'" }), { csv: { quote: "'" } });
  yield made(
    'quote',
    'around every value',
    [header, ...rows]
      .map((row) => `${row.map((value) => `"${value.replaceAll('"', '""')}"`).join(',')}\r\n`)
      .join(''),
    { csv: {} },
  );
  yield made('escape', 'backslash', text({ ...CLEAN, escape: '\\' }), { csv: { escape: '\\' } });
  yield made('escape', 'none', text({ ...CLEAN, escape: '' }));
  for (const [name, end] of [
    ['LF', '\n'],
    ['CR', '\r'],
  ] as const)
    yield made('line end', name, text({ ...CLEAN, end }), { csv: {} });
  yield made(
    'line end',
    'mixed',
    rows
      .map((row, n) => line(row, CLEAN) + (n % 2 === 0 ? '\n' : '\r\n'))
      .reduce((all, each) => all + each, `${line(header, CLEAN)}\r\n`),
    { csv: {} },
  );
  yield made('encoding', 'UTF-8 with mark', `\ufeff${plain}`, { csv: {} });
  yield made('encoding', 'UTF-16', Buffer.from(`\ufeff${plain}`, 'utf16le'), { csv: { encoding: 'utf-16' } });
  yield made('encoding', 'Latin-1', Buffer.from(plain, 'latin1'), { csv: { encoding: 'latin-1' } });
  yield made('encoding', 'NUL within', plain.replace('name 2', 'na\0me 2'));
  for (const row of numbers) {
    yield made(
      'delimiter of one row',
      `row ${row}`,
      lines((index, fields) => fields.join(index === row ? ' ' : ',')),
    );
    for (let column = 0; column < COLUMNS.length; column++) {
      const at = `row ${row}, column ${column + 1}`;
      if (column > 0)
        yield made(
          'delimiter missing',
          at,
          lines((index, fields) =>
            index === row
              ? fields.reduce(
                  (all, each, n) => (n === 0 ? each : `${all}${n === column ? '' : ','}${each}`),
                  '',
                )
              : fields.join(','),
          ),
        );
      yield made(
        'delimiter too many',
        at,
        lines((index, fields) =>
          (index === row ? fields.with(column, `${fields[column]},`) : fields).join(','),
        ),
      );
      yield made(
        'quote too many',
        at,
        lines((index, fields) => {
          const value = fields[column] ?? '';
          const middle = Math.ceil(value.length / 2);
          return (
            index === row ? fields.with(column, `${value.slice(0, middle)}"${value.slice(middle)}`) : fields
          ).join(',');
        }),
      );
    }
  }
}
