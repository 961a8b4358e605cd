import { TextDecoder } from 'node:util';
import { SaxesParser } from 'saxes';
import { type Shown, shownAs } from './excel-dates.ts';
import type { RandomAccess } from './file-profile.ts';
import { LIMITS } from './limits.ts';
import { FormatProblem } from './problem.ts';
import { type Member, zipMembers } from './zip-archive.ts';

/** What a sheet's cells refer to, read before its rows (ECMA-376 part 1, SpreadsheetML). */
export interface Workbook {
  readonly sheet: Member;
  /** Texts that cells name by number. */
  readonly shared: readonly string[];
  /** For each cell style what its number is shown as. */
  readonly styles: readonly Shown[];
  /** Day 0 is 1904-01-01 and not 1899-12-30. */
  readonly is1904: boolean;
}

/** @param sheet name, or position from 1 in the order of the tabs that are not hidden */
export async function openWorkbook(random: RandomAccess, sheet: string | number): Promise<Workbook> {
  if (random.bytes === 0)
    throw new FormatProblem('file.empty', 'the file has no bytes; send it again or ask its source');
  await refuseOldWorkbook(random);
  const members = new Map((await zipMembers(random)).map((member) => [member.name, member]));
  const { sheets, is1904 } = await workbookOf(memberNamed(members, 'xl/workbook.xml'));
  const shown = typeof sheet === 'number' ? sheets.filter(({ isHidden }) => !isHidden) : sheets;
  const chosen = typeof sheet === 'number' ? shown[sheet - 1] : sheets.find(({ name }) => name === sheet);
  if (chosen === undefined)
    throw new FormatProblem(
      'file.format',
      `the workbook has no sheet ${JSON.stringify(sheet)}; it has ${shown.map(({ name }) => JSON.stringify(name)).join(', ')}`,
    );
  const targets = await relationsOf(memberNamed(members, 'xl/_rels/workbook.xml.rels'));
  const styles = members.get('xl/styles.xml');
  const shared = members.get('xl/sharedStrings.xml');
  return {
    sheet: memberNamed(members, targets.get(chosen.relation) ?? ''),
    shared: shared === undefined ? [] : await sharedStrings(shared),
    styles: styles === undefined ? [] : await stylesOf(styles),
    is1904,
  };
}

/** The container of .xls and of encrypted workbooks ([MS-CFB] 2.2). */
const COMPOUND_FILE = Buffer.from('d0cf11e0a1b11ae1', 'hex');

async function refuseOldWorkbook(random: RandomAccess): Promise<void> {
  const head = Buffer.from(await random.slice(0, Math.min(COMPOUND_FILE.length, random.bytes)));
  if (head.equals(COMPOUND_FILE))
    throw new FormatProblem(
      'file.format',
      'the file is an old .xls workbook or has a password; save it as .xlsx without one',
    );
  if (head.subarray(0, 2).toString() !== 'PK')
    throw new FormatProblem('file.format', 'the file is no .xlsx workbook: it is no ZIP archive');
}

function memberNamed(members: ReadonlyMap<string, Member>, name: string): Member {
  const member = members.get(name);
  if (member === undefined)
    throw new FormatProblem('file.format', 'the file is no .xlsx workbook: a part of it is missing');
  return member;
}

export interface Handlers {
  readonly open?: (name: string, attributes: Readonly<Record<string, string>>) => void;
  readonly close?: (name: string) => void;
  readonly text?: (text: string) => void;
}

/**
 * Elements by their names without prefix. Calls back while it reads; yields after each chunk, so that the caller can hand on what it has.
 * Numbers of characters between two elements are bounded.
 */
export async function* parsedXml(member: Member, handlers: Handlers): AsyncGenerator<void> {
  const parser = new SaxesParser({ position: false });
  let quiet = 0;
  let depth = 0;
  parser.on('opentag', ({ name, attributes }) => {
    quiet = 0;
    if (++depth > LIMITS.nesting)
      throw new FormatProblem('file.too_large', `elements are nested deeper than ${LIMITS.nesting}`);
    // Without `xmlns` attributes are their texts.
    handlers.open?.(local(name), attributes as Readonly<Record<string, string>>);
  });
  parser.on('closetag', ({ name }) => {
    quiet = 0;
    depth--;
    handlers.close?.(local(name));
  });
  if (handlers.text !== undefined) parser.on('text', handlers.text);
  parser.on('doctype', () => {
    throw new FormatProblem('file.format', 'a part of the workbook has a document type declaration');
  });
  parser.on('error', (error) => {
    throw new FormatProblem('file.format', 'a part of the workbook is not well-formed XML', error);
  });
  const decoder = new TextDecoder('utf-8', { fatal: true });
  const write = (bytes?: Uint8Array) => {
    const text = decodedBy(decoder, bytes);
    quiet += text.length;
    if (text !== '') parser.write(text);
    if (quiet > 2 * LIMITS.recordBytes)
      throw new FormatProblem('file.too_large', `a text is longer than ${LIMITS.recordBytes} bytes`);
  };
  for await (const chunk of member.read()) {
    write(chunk);
    yield;
  }
  write();
  parser.close();
  yield;
}

const local = (name: string): string => name.slice(name.indexOf(':') + 1);

function decodedBy(decoder: TextDecoder, bytes: Uint8Array | undefined): string {
  try {
    return bytes === undefined ? decoder.decode() : decoder.decode(bytes, { stream: true });
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new FormatProblem('file.encoding', 'a part of the workbook is not UTF-8', error);
  }
}

async function allOf(member: Member, handlers: Handlers): Promise<void> {
  for await (const _part of parsedXml(member, handlers));
}

interface Sheets {
  readonly sheets: readonly {
    readonly name: string;
    readonly relation: string;
    readonly isHidden: boolean;
  }[];
  readonly is1904: boolean;
}

async function workbookOf(member: Member): Promise<Sheets> {
  const sheets: { name: string; relation: string; isHidden: boolean }[] = [];
  let is1904 = false;
  await allOf(member, {
    open: (name, attributes) => {
      if (name === 'workbookPr') is1904 = /^(1|true)$/.test(attributes.date1904 ?? '');
      // The prefix of the relationship's namespace is `r` by custom, not by rule.
      const relation = Object.entries(attributes).find(([key]) => key.endsWith(':id'))?.[1];
      const { name: title = '', state = 'visible' } = attributes;
      if (name === 'sheet')
        sheets.push({ name: title, relation: relation ?? '', isHidden: state !== 'visible' });
    },
  });
  return { sheets, is1904 };
}

async function relationsOf(member: Member): Promise<ReadonlyMap<string, string>> {
  const targets = new Map<string, string>();
  await allOf(member, {
    open: (name, { Id = '', Target = '' }) => {
      if (name === 'Relationship') targets.set(Id, Target.startsWith('/') ? Target.slice(1) : `xl/${Target}`);
    },
  });
  return targets;
}

async function sharedStrings(member: Member): Promise<readonly string[]> {
  const texts: string[] = [];
  const reader = textReader();
  let characters = 0;
  await allOf(member, {
    open: reader.open,
    text: reader.text,
    close: (name) => {
      reader.close(name);
      if (name !== 'si') return;
      const text = reader.taken();
      characters += text.length;
      if (characters > LIMITS.sharedCharacters)
        throw new FormatProblem(
          'file.too_large',
          `the shared texts of the workbook have more than ${LIMITS.sharedCharacters} characters`,
        );
      texts.push(text);
    },
  });
  return texts;
}

/** Joins the runs of a rich text; how it is pronounced (`rPh`) is no part of it. */
export function textReader() {
  let text = '';
  let isText = false;
  let isPhonetic = false;
  return {
    open: (name: string) => {
      if (name === 't') isText = !isPhonetic;
      else if (name === 'rPh') isPhonetic = true;
    },
    text: (part: string) => {
      if (isText) text += part;
    },
    close: (name: string) => {
      if (name === 't') isText = false;
      else if (name === 'rPh') isPhonetic = false;
    },
    taken: (): string => {
      const taken = unescaped(text);
      text = '';
      return taken;
    },
  };
}

/** `_x000D_` stands for a character that XML can't hold (ECMA-376 part 1, 22.9.2.19). */
export const unescaped = (text: string): string =>
  text.includes('_x')
    ? text.replaceAll(/_x([0-9A-Fa-f]{4})_/g, (_all, hex: string) =>
        String.fromCharCode(Number.parseInt(hex, 16)),
      )
    : text;

async function stylesOf(member: Member): Promise<readonly Shown[]> {
  const codes = new Map<number, string>();
  const styles: Shown[] = [];
  let isCellStyles = false;
  await allOf(member, {
    open: (name, attributes) => {
      if (name === 'numFmt') codes.set(Number(attributes.numFmtId), attributes.formatCode ?? '');
      else if (name === 'cellXfs') isCellStyles = true;
      else if (name === 'xf' && isCellStyles) {
        const id = Number(attributes.numFmtId ?? 0);
        styles.push(shownAs(id, codes.get(id)));
      }
    },
    close: (name) => {
      if (name === 'cellXfs') isCellStyles = false;
    },
  });
  return styles;
}
