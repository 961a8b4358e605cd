import { styleText } from 'node:util';
import stringWidth from 'string-width';

export type Cell = string | number | null | undefined;

export interface PrintOptions {
  /** Print the rows as JSON instead. */
  readonly json?: boolean | undefined;
  /** Said where there are no rows. */
  readonly empty: string;
}

const NARROWEST = 8;

/** Rows as a table cut to the terminal's width, or as JSON. Colour only on a terminal. */
export function printTable(
  columns: readonly string[],
  rows: readonly (readonly Cell[])[],
  { json, empty }: PrintOptions,
): void {
  if (json === true) {
    console.log(
      JSON.stringify(
        rows.map((row) => Object.fromEntries(columns.map((name, index) => [name, row[index] ?? null]))),
        null,
        2,
      ),
    );
    return;
  }
  if (rows.length === 0) {
    console.log(empty);
    return;
  }
  const cells = rows.map((row) => columns.map((_, index) => oneLine(row[index])));
  const widths = widthsFor(
    columns.map((name, index) =>
      cells.reduce((widest, row) => Math.max(widest, stringWidth(row[index] ?? '')), stringWidth(name)),
    ),
    process.stdout.isTTY ? process.stdout.columns : Number.POSITIVE_INFINITY,
  );
  const numeric = columns.map((_, index) => rows.every((row) => typeof row[index] === 'number'));
  const line = (row: readonly string[]) =>
    row
      .map((text, index) => padded(text, widths[index] ?? 0, numeric[index] === true))
      .join('  ')
      .trimEnd();
  console.log(process.stdout.isTTY ? styleText('bold', line(columns)) : line(columns));
  for (const row of cells) console.log(line(row));
}

const oneLine = (cell: Cell): string =>
  cell === null || cell === undefined ? '' : String(cell).replaceAll(/\s*\n\s*/g, ' ');

/** The widest columns give way first. */
function widthsFor(widths: readonly number[], room: number): readonly number[] {
  const fitted = [...widths];
  const total = () => fitted.reduce((sum, width) => sum + width + 2, -2);
  while (total() > room) {
    const widest = Math.max(...fitted);
    if (widest <= NARROWEST) break;
    fitted[fitted.indexOf(widest)] = widest - 1;
  }
  return fitted;
}

function padded(text: string, width: number, right: boolean): string {
  let cut = text;
  if (stringWidth(text) > width) {
    while (stringWidth(cut) > width - 1) cut = cut.slice(0, -1);
    cut = `${cut}…`;
  }
  const blanks = ' '.repeat(Math.max(0, width - stringWidth(cut)));
  return right ? `${blanks}${cut}` : `${cut}${blanks}`;
}
