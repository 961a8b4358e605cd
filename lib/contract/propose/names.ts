/** `Province/State` to `province_state`, `InvoiceNo` to `invoice_no`; empty where no letter or digit of ASCII is left. */
export function snakeName(text: string): string {
  const plain = text
    .normalize('NFKD')
    .replaceAll(/\p{M}/gu, '')
    .replaceAll(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replaceAll(/([A-Z]+)([A-Z][a-z])/g, '$1_$2')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '_')
    .replaceAll(/^_+|_+$/g, '');
  return /^\d/.test(plain) ? `c_${plain}` : plain;
}

export interface NamedColumn {
  readonly name: string;
  /** Names under which the samples have it, other than its own. */
  readonly sourceNames: readonly string[];
  /** Numbers of the files that have it. */
  readonly files: readonly number[];
  /** Two names that never stand in one file and of which one begins with the other were taken for one column. */
  readonly guessed?: boolean;
}

/** Columns of files without usable names, by position; `names` are what a skipped header says, blank where it says nothing. */
export function positionalColumns(
  names: readonly string[],
  files: readonly number[],
): readonly NamedColumn[] {
  const taken = new Set<string>();
  return names.map((given, index) => {
    const base = snakeName(given) || `column_${index + 1}`;
    let name = base;
    for (let number = 2; taken.has(name); number++) name = `${base}_${number}`;
    taken.add(name);
    return { name, sourceNames: [], files };
  });
}

interface Draft {
  readonly sources: Set<string>;
  readonly files: Set<number>;
  readonly base: string;
  guessed?: boolean;
}

/** Columns of files whose headers may differ, in the order in which they first appear. A blank name gives a column without source name. */
export function namedColumns(headers: readonly (readonly string[])[]): readonly NamedColumn[] {
  const drafts: Draft[] = [];
  for (const [file, header] of headers.entries()) {
    for (const [index, source] of header.entries()) {
      const base = snakeName(source) || `column_${index + 1}`;
      const same =
        drafts.find(({ sources }) => source !== '' && sources.has(source)) ??
        drafts.find(
          (draft) =>
            draft.base === base && !draft.files.has(file) && !header.some((name) => draft.sources.has(name)),
        );
      if (same === undefined) drafts.push({ sources: new Set([source]), files: new Set([file]), base });
      else {
        same.sources.add(source);
        same.files.add(file);
      }
    }
  }
  return withNames(joined(drafts));
}

const SHORTEST = 3;

/** `Lat` and `Latitude`: a source that renames a column never sends both names. */
function joined(drafts: readonly Draft[]): readonly Draft[] {
  const kept: Draft[] = [];
  for (const draft of drafts) {
    const twin = kept.find((other) => {
      const [short, long] = [draft.base, other.base].sort((a, b) => a.length - b.length) as [string, string];
      const apart = [...draft.files].every((file) => !other.files.has(file));
      return (
        apart && short.length >= SHORTEST && long.startsWith(short) && !/[_\d]/.test(long[short.length] ?? '')
      );
    });
    if (twin === undefined) {
      kept.push(draft);
      continue;
    }
    const base = twin.base.length >= draft.base.length ? twin.base : draft.base;
    kept[kept.indexOf(twin)] = {
      base,
      sources: new Set([...twin.sources, ...draft.sources]),
      files: new Set([...twin.files, ...draft.files]),
      guessed: true,
    };
  }
  return kept;
}

/** A column whose source name is its name already takes it first: nobody else may. */
function withNames(drafts: readonly Draft[]): readonly NamedColumn[] {
  const taken = new Set(drafts.flatMap(({ sources }) => [...sources]));
  const owned = new Set<string>();
  const names = new Map<Draft, string>();
  for (const draft of drafts) {
    if (!draft.sources.has(draft.base) || owned.has(draft.base)) continue;
    names.set(draft, draft.base);
    owned.add(draft.base);
  }
  for (const draft of drafts) {
    if (names.has(draft)) continue;
    let name = draft.base;
    for (let number = 2; owned.has(name) || (taken.has(name) && !draft.sources.has(name)); number++)
      name = `${draft.base}_${number}`;
    owned.add(name);
    names.set(draft, name);
  }
  return drafts.map((draft) => {
    const name = names.get(draft) ?? draft.base;
    return {
      name,
      sourceNames: [...draft.sources].filter((source) => source !== '' && source !== name),
      files: [...draft.files],
      ...(draft.guessed === true ? { guessed: true } : {}),
    };
  });
}

export interface Place {
  readonly domain: string;
  readonly name: string;
  /** Key pattern under which the samples' own names would be taken in. */
  readonly landing: string;
}

const DATES: readonly (readonly [RegExp, string])[] = [
  [/(?<!\d)(19|20)\d{2}-\d{2}-\d{2}(?!\d)/, 'yyyy-MM-dd'],
  [/(?<!\d)(19|20)\d{2}_\d{2}_\d{2}(?!\d)/, 'yyyy_MM_dd'],
  [/(?<!\d)(19|20)\d{2}(0[1-9]|1[0-2])([0-2]\d|3[01])(?!\d)/, 'yyyyMMdd'],
  [/(?<!\d)(0[1-9]|1[0-2])-([0-2]\d|3[01])-(19|20)\d{2}(?!\d)/, 'MM-dd-yyyy'],
  [/(?<!\d)([0-2]\d|3[01])-(0[1-9]|1[0-2])-(19|20)\d{2}(?!\d)/, 'dd-MM-yyyy'],
  [/(?<!\d)(19|20)\d{2}-(0[1-9]|1[0-2])(?!\d)/, 'yyyy-MM'],
];

/** Where the files of a feed would land, by the paths of its samples (parts separated by `/`); `dataset` is `domain/name`. */
export function placeOf(paths: readonly string[], dataset: string | undefined): Place {
  const parts = (paths[0] ?? '').split('/');
  const file = parts.at(-1) ?? '';
  const folders = parts
    .slice(0, -1)
    .map(snakeName)
    .filter((part) => part !== '')
    .reverse();
  const files = paths.map((path) => path.slice(path.lastIndexOf('/') + 1));
  const stem = snakeName(withoutDate(file.replace(/(\.[a-z0-9]{1,8})+$/i, '')).replace(/[_-]?\d+$/, ''));
  const [name = 'records', domain = 'samples'] =
    stem === '' || (files.length > 1 && !sameStem(files, stem)) ? folders : [stem, ...folders];
  const [givenDomain, givenName] = dataset?.split('/') ?? [];
  const at = { domain: givenDomain ?? domain, name: givenName ?? name };
  return { ...at, landing: `${at.domain}/${at.name}/${filePattern(files)}` };
}

const sameStem = (files: readonly string[], stem: string): boolean =>
  files.every((file) => snakeName(file).startsWith(stem));

const withoutDate = (name: string): string =>
  DATES.reduce((rest, [expression]) => rest.replace(expression, ''), name);

function filePattern(files: readonly string[]): string {
  for (const [expression, letters] of DATES) {
    if (!files.every((file) => expression.test(file))) continue;
    const [only, ...others] = new Set(
      files.map((file) => file.replace(expression, `{businessDate:${letters}}`)),
    );
    if (
      only !== undefined &&
      others.length === 0 &&
      !/[*{}]/.test(only.replace(`{businessDate:${letters}}`, ''))
    )
      return only;
  }
  const endings = new Set(files.map((file) => /\.[a-z0-9]+(\.gz)?$/i.exec(file)?.[0] ?? ''));
  return endings.size === 1 ? `*${[...endings][0]}` : '*';
}
