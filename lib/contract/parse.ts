import { createHash } from 'node:crypto';
import { type Document, isNode, isScalar, LineCounter, parseDocument, visit } from 'yaml';
import { type Dataset, EARLIER } from './dataset.ts';
import { datasetsOf } from './datasets.ts';
import { type Entity, type EntityDraft, linked } from './entity.ts';
import { contractDocument } from './odcs-schema.ts';
import {
  ContractError,
  fromZod,
  lineOf,
  type Path,
  type PlacedProblem,
  type Problem,
  pathText,
} from './problems.ts';

export interface Contract {
  readonly id: string;
  readonly version: string;
  readonly file: string;
  /** Schema objects with an `ingestion` property; others describe tables that Headgate does not fill. */
  readonly datasets: readonly Dataset[];
  /** Schema objects with a `matching` property, their sources not looked up yet. */
  readonly entities: readonly EntityDraft[];
  readonly lineOf: (path: Path) => number;
}

/** Larger documents are no contracts; bounds what an anchor bomb can do too. */
const MAX_CHARACTERS = 2_000_000;
const MAX_ALIASES = 100;
/** More are counted: finding the line of each takes as long as the document. */
const MAX_PROBLEMS = 500;
/** Far beyond any contract. A million levels would take the parser ten seconds and a gigabyte to refuse. */
const MAX_OPEN = 5_000;

/**
 * Text of an ODCS v3.1 document to frozen datasets.
 * @throws ContractError with every problem: file, line, path, value, allowed values
 */
export function parseContract(text: string, file: string): Contract {
  if (text.length > MAX_CHARACTERS) {
    throw new ContractError(file, [
      { line: 1, path: '', message: `longer than ${MAX_CHARACTERS} characters` },
    ]);
  }
  if (isTooDeep(text))
    throw new ContractError(file, [{ line: 1, path: '', message: 'nested deeper than a contract can be' }]);
  const lines = new LineCounter();
  // The library compares every key of a map with every other one: `repeatedKeys` does not.
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: false });
  const faults = [...document.errors, ...document.warnings];
  if (faults.length > 0) {
    throw new ContractError(
      file,
      faults.map((error) => ({
        line: lines.linePos(error.pos[0]).line,
        path: '',
        message: error.message.split('\n')[0] ?? '',
      })),
    );
  }
  const repeated = repeatedKeys(document, lines);
  if (repeated.length > 0) throw new ContractError(file, repeated);
  const fail = (problems: readonly Problem[]): never => {
    const told = problems.slice(0, MAX_PROBLEMS).map(({ path, message }) => ({
      line: lineOf(document, lines, path),
      path: pathText(path),
      message,
    }));
    const more = problems.length - told.length;
    const rest = more === 0 ? [] : [{ line: 1, path: '', message: `and ${more} problems more` }];
    throw new ContractError(file, [...told, ...rest]);
  };
  const input = valueOf(document, file);
  const parsed = contractDocument.safeParse(input);
  if (!parsed.success) return fail(fromZod(parsed.error.issues, input));
  const { datasets, entities, problems } = datasetsOf(
    parsed.data,
    file,
    createHash('sha256').update(text).digest('hex').slice(0, 16),
  );
  if (problems.length > 0) return fail(problems);
  return deepFreeze({
    id: parsed.data.id,
    version: parsed.data.version,
    file,
    datasets,
    entities,
    lineOf: (path: Path) => lineOf(document, lines, path),
  });
}

/** Whether brackets, or signs of lists and keys, stand within each other without end. Brackets in texts count too, closed or few as they are. */
function isTooDeep(text: string): boolean {
  let open = 0;
  for (const [bracket] of text.matchAll(/[[\]{}]/g)) {
    open = bracket === '[' || bracket === '{' ? open + 1 : Math.max(open - 1, 0);
    if (open > MAX_OPEN) return true;
  }
  return /(?:[-?:][ \t]+){1000}/.test(text);
}

function repeatedKeys(document: Document, lines: LineCounter): readonly PlacedProblem[] {
  const repeated: PlacedProblem[] = [];
  visit(document, {
    Map(_key, { items }) {
      const seen = new Set<unknown>();
      for (const { key } of items) {
        const name = isScalar(key) ? key.value : key;
        const at = isNode(key) ? (key.range?.[0] ?? 0) : 0;
        if (seen.has(name))
          repeated.push({ line: lines.linePos(at).line, path: '', message: 'Map keys must be unique' });
        seen.add(name);
      }
    },
  });
  return repeated;
}

/** The document as plain data. Aliases are followed only here, and not without end. */
function valueOf(document: Document, file: string): unknown {
  try {
    return document.toJS({ maxAliasCount: MAX_ALIASES });
  } catch (error) {
    if (!(error instanceof ReferenceError)) throw error;
    throw new ContractError(file, [{ line: 1, path: '', message: error.message }], error);
  }
}

interface ContractFile {
  readonly file: string;
  readonly text: string;
}

/** Several contracts, each by itself. @throws ContractError with the problems of every file that has some */
function parseEach(files: readonly ContractFile[]): readonly Contract[] {
  const errors: ContractError[] = [];
  const contracts = files.flatMap(({ file, text }) => {
    try {
      return [parseContract(text, file)];
    } catch (error) {
      if (!(error instanceof ContractError)) throw error;
      errors.push(error);
      return [];
    }
  });
  throwAll(errors);
  return contracts;
}

/** Datasets of several contracts. @throws ContractError with the problems of every file that has some */
export const parseContracts = (files: readonly ContractFile[]): readonly Dataset[] =>
  parseEach(files).flatMap(({ datasets }) => datasets);

export interface Contracts {
  readonly datasets: readonly Dataset[];
  readonly entities: readonly Entity[];
}

/**
 * All contracts of a folder. @throws ContractError where one is wrong, two of them claim one dataset, entity or landing pattern, or the sources of an
 * entity are not as it needs them
 */
export function loadContracts(files: readonly ContractFile[]): Contracts {
  const contracts = parseEach(files);
  const datasets = contracts.flatMap((contract) => contract.datasets);
  throwAll(
    datasets.flatMap((dataset, index) => {
      const twin = datasets
        .slice(0, index)
        .find(
          (other) =>
            landings(other).some((landing) => landings(dataset).includes(landing)) ||
            (other.domain === dataset.domain && tables(other).some((name) => tables(dataset).includes(name))),
        );
      if (twin === undefined) return [];
      const message = `${dataset.domain}/${dataset.name} has the name or landing pattern of ${twin.domain}/${twin.name} in ${twin.contract.file}`;
      return [new ContractError(dataset.contract.file, [{ line: 1, path: 'schema', message }])];
    }),
  );
  const drafts = contracts.flatMap((contract) => contract.entities.map((draft) => ({ contract, draft })));
  const entities = drafts.map(({ contract, draft }, index) => {
    const found = linked(draft, datasets);
    const isTwin = drafts
      .slice(0, index)
      .some(({ draft: other }) => other.domain === draft.domain && other.name === draft.name);
    const problems = isTwin
      ? [{ path: draft.path, message: `${draft.domain}/${draft.name} is matched in two places` }]
      : found.problems;
    return { contract, problems, entity: deepFreeze(found.entity) };
  });
  throwAll(
    entities.flatMap(({ contract, problems }) =>
      problems.length === 0
        ? []
        : [
            new ContractError(
              contract.file,
              problems.map(({ path, message }) => ({
                line: contract.lineOf(path),
                path: pathText(path),
                message,
              })),
            ),
          ],
    ),
  );
  return { datasets, entities: entities.map(({ entity }) => entity) };
}

const tables = ({ name, earlier }: Dataset): readonly string[] => [
  name,
  ...(earlier ? [name + EARLIER] : []),
];

const landings = ({ landing, alsoFrom }: Dataset): readonly string[] => [
  landing,
  ...alsoFrom.map((source) => source.landing),
];

function throwAll(errors: readonly ContractError[]): void {
  const [first, ...others] = errors;
  if (first !== undefined) throw others.length === 0 ? first : first.with(others);
}

function deepFreeze<Value>(value: Value): Value {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const each of Object.values(value)) deepFreeze(each);
  }
  return value;
}
