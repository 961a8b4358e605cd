import { boundProblem, isEmptyRange, plainNumber } from './bounds.ts';
import type { Column, RowCheck, RowTest } from './dataset.ts';
import { optionsOf, type Property, type TypeOptions } from './odcs-property.ts';
import { patternProblem, unanchored } from './pattern.ts';
import type { Path, Problem } from './problems.ts';
import { TEXT_FORMATS } from './text-formats.ts';

export interface ValueChecks {
  readonly checks: readonly RowCheck[];
  readonly problems: readonly Problem[];
}

type Complain = (message: string, option: string) => void;

/** `required` and logicalTypeOptions of a column as checks; every option becomes one or is a problem. */
export function valueChecks(property: Property, column: Column, path: Path): ValueChecks {
  const problems: Problem[] = [];
  const complain: Complain = (message, option) =>
    problems.push({ path: [...path, 'logicalTypeOptions', option], message });
  const options = property.logicalTypeOptions === undefined ? {} : optionsOf(property);
  const check = (what: string, code: string, test: RowTest | undefined): readonly RowCheck[] =>
    test === undefined
      ? []
      : [
          {
            key: `${column.name}.${what}`,
            column: column.name,
            code,
            test,
            severity: 'error',
            action: 'quarantine',
          },
        ];
  const isNeeded = column.required || column.primaryKey !== undefined;
  const checks = [
    ...check('required', 'value.missing', isNeeded ? { kind: 'required' } : undefined),
    ...check('length', 'value.length', lengthOf(options)),
    ...check('pattern', 'value.pattern', patternOf(options, complain)),
    ...check('format', 'value.pattern', formatOf(options, column, complain)),
    ...check('range', 'value.range', rangeOf(options, column, complain)),
    ...check('multipleOf', 'value.range', stepOf(options, column, complain)),
  ];
  if (problems.length === 0) problems.push(...contradictions(checks, column, path));
  return { checks, problems };
}

/** Options that no value can satisfy together: every row would be refused and its source blamed. */
function contradictions(checks: readonly RowCheck[], { type }: Column, path: Path): readonly Problem[] {
  const at = (option: string): Path => [...path, 'logicalTypeOptions', option];
  const tests = checks.map(({ test }) => test);
  const step = tests.find((test) => test.kind === 'multipleOf')?.of;
  return tests.flatMap((test): readonly Problem[] => {
    if (test.kind === 'length' && (test.min ?? 0) > (test.max ?? Number.POSITIVE_INFINITY))
      return [
        {
          path: at('minLength'),
          message: `minLength ${test.min} is above maxLength ${test.max}; no text has such a length`,
        },
      ];
    if (test.kind !== 'range' || !isEmptyRange(type, test, step)) return [];
    const given = (Object.keys(BOUNDS) as (keyof typeof BOUNDS)[]).filter(
      (option) => test[BOUNDS[option]] !== undefined,
    );
    const shown = given.map((option) => `${option} ${test[BOUNDS[option]]}`);
    const all = [...shown, ...(step === undefined ? [] : [`multipleOf ${step}`])].join(', ');
    return [{ path: at(given[0] ?? 'minimum'), message: `no value satisfies ${all} together` }];
  });
}

function lengthOf({ minLength, maxLength }: TypeOptions): RowTest | undefined {
  if (minLength === undefined && maxLength === undefined) return undefined;
  return {
    kind: 'length',
    ...(minLength === undefined ? {} : { min: minLength }),
    ...(maxLength === undefined ? {} : { max: maxLength }),
  };
}

function patternOf({ pattern }: TypeOptions, complain: Complain): RowTest | undefined {
  if (pattern === undefined) return undefined;
  const problem = patternProblem(pattern);
  if (problem !== undefined) complain(problem, 'pattern');
  return { kind: 'pattern', pattern: unanchored(pattern) };
}

/** The format of a date is part of its type, and that of a number too. */
function formatOf({ format }: TypeOptions, column: Column, complain: Complain): RowTest | undefined {
  if (column.type.kind !== 'string' || format === undefined) return undefined;
  const known = Object.keys(TEXT_FORMATS);
  if (!known.includes(format)) {
    complain(
      `${JSON.stringify(format)} is not supported; allowed: ${known.join(', ')}; or use a pattern`,
      'format',
    );
  }
  const pattern = TEXT_FORMATS[format];
  return pattern === undefined ? undefined : { kind: 'pattern', pattern };
}

const BOUNDS = {
  minimum: 'min',
  maximum: 'max',
  exclusiveMinimum: 'exclusiveMin',
  exclusiveMaximum: 'exclusiveMax',
} as const;

function rangeOf(options: TypeOptions, column: Column, complain: Complain): RowTest | undefined {
  const found = (Object.keys(BOUNDS) as (keyof typeof BOUNDS)[]).flatMap((option) => {
    const value = options[option];
    if (value === undefined) return [];
    const bound = typeof value === 'number' ? plainNumber(value) : value;
    const problem = boundProblem(column.type, bound);
    if (problem !== undefined) complain(problem, option);
    return [[BOUNDS[option], bound] as const];
  });
  return found.length === 0 ? undefined : { kind: 'range', ...Object.fromEntries(found) };
}

function stepOf({ multipleOf }: TypeOptions, column: Column, complain: Complain): RowTest | undefined {
  if (multipleOf === undefined) return undefined;
  const of = plainNumber(multipleOf);
  const problem =
    column.type.kind === 'double'
      ? 'multipleOf of a double is never exact; give physicalType decimal(p,s)'
      : boundProblem(column.type, of);
  if (problem !== undefined) complain(problem, 'multipleOf');
  return { kind: 'multipleOf', of };
}
