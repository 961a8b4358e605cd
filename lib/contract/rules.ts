import { plainNumber, valueProblem } from './bounds.ts';
import { readExtras } from './custom-properties.ts';
import type { BatchCheck, BatchMeasure, Column, Operator, RowCheck, RowTest, Severity } from './dataset.ts';
import { ruleExtras } from './ingestion-schema.ts';
import type { Quality } from './odcs-quality.ts';
import type { SchemaObject } from './odcs-schema.ts';
import { patternProblem, unanchored } from './pattern.ts';
import type { Path, Problem } from './problems.ts';
import { valueChecks } from './value-checks.ts';

export interface Checks {
  readonly rowChecks: readonly RowCheck[];
  readonly batchChecks: readonly BatchCheck[];
  readonly problems: readonly Problem[];
}

/** `required`, logicalTypeOptions and quality rules of a schema object as checks. */
export function checksOf(object: SchemaObject, columns: readonly Column[], path: Path): Checks {
  const rowChecks: RowCheck[] = [];
  const batchChecks: BatchCheck[] = [];
  const problems: Problem[] = [];
  const named: ColumnNames = new Map(
    (object.properties ?? []).flatMap(({ name }, index) => {
      const column = columns[index]?.name ?? name;
      return [[name, column] as const, [column, column] as const];
    }),
  );
  const add = (rules: readonly Quality[] | undefined, column: Column | undefined, at: Path) => {
    for (const [index, rule] of (rules ?? []).entries()) {
      const check = ruleOf(rule, { column, named }, [...at, 'quality', index]);
      problems.push(...check.problems);
      rowChecks.push(...(check.rows ?? []));
      if (check.batch !== undefined) batchChecks.push(check.batch);
    }
  };
  for (const [index, property] of (object.properties ?? []).entries()) {
    const column = columns[index];
    if (column === undefined) continue;
    const at: Path = [...path, 'properties', index];
    const own = valueChecks(property, column, at);
    rowChecks.push(...own.checks);
    problems.push(...own.problems);
    add(property.quality, column, at);
  }
  add(object.quality, undefined, path);
  return { rowChecks: uniqueKeys(rowChecks), batchChecks: uniqueKeys(batchChecks), problems };
}

/** Two rules of the same kind on one column get a number each. */
function uniqueKeys<Check extends { readonly key: string }>(checks: readonly Check[]): readonly Check[] {
  return checks.map((check, index) => {
    const before = checks.slice(0, index).filter(({ key }) => key === check.key).length;
    return before === 0 ? check : { ...check, key: `${check.key}.${before + 1}` };
  });
}

/** Table columns by the names that a rule may use for them: the property's and the column's own. */
type ColumnNames = ReadonlyMap<string, string>;

interface Place {
  /** Undefined for a rule of the whole object. */
  readonly column: Column | undefined;
  readonly named: ColumnNames;
}

interface RuleCheck {
  readonly rows?: readonly RowCheck[];
  readonly batch?: BatchCheck;
  readonly problems: readonly Problem[];
}

function ruleOf(rule: Quality, { column, named }: Place, path: Path): RuleCheck {
  const extras = readExtras(ruleExtras, rule.customProperties, path);
  if (extras.problems.length > 0) return { problems: extras.problems };
  const complain = (message: string): RuleCheck => ({ problems: [{ path, message }] });
  const { onFailure } = extras.value;
  const severity = severityOf(rule.severity);
  const softly = severity === 'error' ? undefined : 'warn';
  if (rule.type === 'text' || (rule.type === 'custom' && rule.engine !== 'headgate')) return { problems: [] };
  if (rule.type === undefined && rule.metric === undefined)
    return complain('a rule needs a metric or a type; type text for a remark');
  if (rule.type !== undefined && rule.type !== 'library' && rule.metric !== undefined)
    return complain(`metric and type ${rule.type} are two rules; write them apart`);
  const wrong = argumentProblem(rule, column, named);
  if (wrong !== undefined) return complain(wrong);
  const test = rowTest(rule, column);
  if (typeof test === 'string') return complain(test);
  if (test !== undefined) {
    const action = onFailure ?? softly ?? 'quarantine';
    if (action === 'hold')
      return complain(
        'hold decides about a batch, this rule about a row; allowed: warn, quarantine, rejectFile',
      );
    const key =
      rule.name === undefined ? `${column?.name ?? 'row'}.${rule.metric ?? 'rule'}` : `rule.${rule.name}`;
    const base: RowCheck = { key, code: test.code, test: test.test, severity, action };
    const row = column === undefined ? base : { ...base, column: column.name };
    const nullIsMissing = rule.metric === 'missingValues' && listsNull(rule, column);
    return { rows: nullIsMissing ? [row, { ...row, test: { kind: 'required' } }] : [row], problems: [] };
  }
  if (rule.metric === 'missingValues' && listsNull(rule, column))
    return complain(
      'a list with null needs mustBe: 0; allowed besides: nullValues for the nulls, missingValues for texts',
    );
  const measure = measureOf(rule, column, named);
  const operator = operatorOf(rule);
  if (typeof measure === 'string') return complain(measure);
  if (operator === undefined) return complain('the operator needs a number');
  if (rule.unit !== undefined && rule.unit !== 'rows' && rule.unit !== 'percent')
    return complain(`unit ${JSON.stringify(rule.unit)} is not supported; allowed: rows, percent`);
  if ('low' in operator && operator.low > operator.high) return complain('the smaller number stands first');
  const action = onFailure ?? softly ?? 'hold';
  if (action !== 'warn' && action !== 'hold') {
    return complain(
      `${action} needs to know which rows are wrong, this rule gives one number for the batch; allowed: warn, hold`,
    );
  }
  const name = rule.name ?? [column?.name ?? 'batch', rule.metric ?? 'sql'].join('.');
  return {
    batch: {
      key: name,
      measure,
      unit: rule.unit === 'percent' ? 'percent' : 'rows',
      operator,
      severity,
      action,
    },
    problems: [],
  };
}

const severityOf = (text: string | undefined): Severity =>
  text === 'info' || text === 'warning' ? text : 'error';

interface CodedTest {
  readonly code: string;
  readonly test: RowTest;
}

/** The rule as a test of each row: predicates, and library rules that allow no failing row. A text says what is wrong. */
function rowTest(rule: Quality, column: Column | undefined): CodedTest | string | undefined {
  if (rule.type === 'custom') {
    if (operatorOf(rule) !== undefined) return 'a predicate has no operator: it must hold for every row';
    if (rule.name === undefined) return 'a row rule needs a name: it is the reason that people see';
    if (typeof rule.implementation !== 'string')
      return 'implementation must be a text: a predicate over columns';
    return { code: 'row.rule', test: { kind: 'predicate', sql: rule.implementation } };
  }
  if (rule.metric === undefined || column === undefined || rule.mustBe !== 0) return undefined;
  if (rule.unit !== undefined && rule.unit !== 'rows') return undefined;
  return valueTest(rule);
}

function valueTest(rule: Quality): CodedTest | string | undefined {
  switch (rule.metric) {
    case 'nullValues':
      return { code: 'value.missing', test: { kind: 'required' } };
    case 'missingValues': {
      const values = texts(rule.arguments?.missingValues);
      return values === undefined
        ? 'missingValues needs arguments.missingValues'
        : { code: 'value.missing', test: { kind: 'forbidden', values } };
    }
    case 'invalidValues': {
      const values = texts(rule.arguments?.validValues);
      const pattern = rule.arguments?.pattern;
      if (values !== undefined) return { code: 'value.not_allowed', test: { kind: 'allowed', values } };
      if (typeof pattern === 'string')
        return { code: 'value.pattern', test: { kind: 'pattern', pattern: unanchored(pattern) } };
      return 'invalidValues needs arguments.validValues or arguments.pattern';
    }
    default:
      return undefined;
  }
}

const ARGUMENTS: Readonly<Record<NonNullable<Quality['metric']>, readonly string[]>> = {
  nullValues: [],
  missingValues: ['missingValues'],
  invalidValues: ['validValues', 'pattern'],
  duplicateValues: ['properties'],
  rowCount: [],
};

/** An argument that would be passed over, or that only an engine would find wrong. */
function argumentProblem(rule: Quality, column: Column | undefined, named: ColumnNames): string | undefined {
  if (rule.metric === undefined) return undefined;
  const known = ARGUMENTS[rule.metric];
  const { validValues, missingValues, pattern, properties, ...others } = rule.arguments ?? {};
  const given = Object.keys(rule.arguments ?? {});
  const stranger = [...Object.keys(others), ...given].find((name) => !known.includes(name));
  if (stranger !== undefined)
    return `argument ${stranger} is not known; allowed for ${rule.metric}: ${known.join(', ') || 'none'}`;
  if (validValues !== undefined && pattern !== undefined)
    return 'validValues and pattern are two rules; write them apart';
  if (pattern !== undefined && typeof pattern !== 'string') return 'pattern must be a text';
  const missing = (texts(properties) ?? []).find((name) => !named.has(name));
  if (missing !== undefined)
    return `column ${missing} does not exist; allowed: ${[...new Set(named.values())].join(', ')}`;
  return (
    listProblem(validValues ?? missingValues, column) ??
    validProblem(validValues, column) ??
    (pattern === undefined ? undefined : patternProblem(pattern))
  );
}

/** YAML reads `1.0` and `007` as numbers and forgets how they were written. */
function listProblem(list: unknown, column: Column | undefined): string | undefined {
  if (list === undefined) return undefined;
  if (!Array.isArray(list) || list.length === 0) return 'the values must be a list with at least one';
  if (list.some((each) => typeof each === 'object' && each !== null))
    return 'the values must be texts or numbers';
  const isText = column === undefined || column.type.kind === 'string' || column.type.kind === 'json';
  if (isText && list.some((each) => typeof each !== 'string' && each !== null))
    return 'the values of a text column must be texts; write numbers and booleans in quotes';
  return undefined;
}

/** A valid value that its column can never have. Missing values may be any text: such as N/A in a column of numbers. */
const validProblem = (list: unknown, column: Column | undefined): string | undefined =>
  column === undefined
    ? undefined
    : (texts(list) ?? [])
        .filter((text) => text !== '')
        .map((text) => valueProblem(column.type, text))
        .find((problem) => problem !== undefined);

/** Texts that mean null for the column are gone before a rule sees them. */
const listsNull = (rule: Quality, column: Column | undefined): boolean =>
  (texts(rule.arguments?.missingValues) ?? []).some(
    (text) => text === '' || column?.nullTokens.includes(text),
  ) ||
  (Array.isArray(rule.arguments?.missingValues) && rule.arguments.missingValues.includes(null));

const texts = (value: unknown): readonly string[] | undefined =>
  Array.isArray(value)
    ? value.map((each) => (each === null ? '' : typeof each === 'number' ? plainNumber(each) : String(each)))
    : undefined;

function measureOf(rule: Quality, column: Column | undefined, named: ColumnNames): BatchMeasure | string {
  if (rule.type === 'sql') return queryOf(rule.query ?? '', column);
  if (rule.metric === 'rowCount') return { kind: 'rowCount' };
  if (rule.metric === 'duplicateValues') {
    const listed = texts(rule.arguments?.properties)?.map((name) => named.get(name) ?? name);
    const columns = listed ?? (column === undefined ? [] : [column.name]);
    return columns.length === 0
      ? 'duplicateValues of an object needs arguments.properties'
      : { kind: 'duplicates', columns };
  }
  if (column === undefined)
    return `${rule.metric ?? 'this rule'} belongs to a property; allowed on an object: rowCount, duplicateValues`;
  if (rule.metric === 'nullValues') return { kind: 'nulls', column: column.name };
  const test = valueTest(rule);
  if (test === undefined) return `${rule.metric ?? 'this rule'} is not known`;
  return typeof test === 'string' ? test : { kind: 'invalid', column: column.name, test: test.test };
}

const OF_COLUMN = /\$?\{(?:column|property)\}/g;

/** The standard's schema writes `${column}`, its text `{property}`; both mean the property that the rule stands at. */
function queryOf(text: string, column: Column | undefined): BatchMeasure | string {
  const query = column === undefined ? text : text.replaceAll(OF_COLUMN, `"${column.name}"`);
  const [unknown] = query.replaceAll(/\$\{table\}/g, '').match(/\$\{\w+\}|\{(?:column|property)\}/) ?? [];
  if (unknown !== undefined)
    return `${unknown} in the query means nothing here; allowed: \${table}, and \${column} in a rule of a property`;
  return { kind: 'sql', query: query.replace(/;\s*$/, '') };
}

function operatorOf(rule: Quality): Operator | undefined {
  const [low, high] = rule.mustBeBetween ?? rule.mustNotBeBetween ?? [];
  if (low !== undefined && high !== undefined) {
    return { kind: rule.mustBeBetween === undefined ? 'notBetween' : 'between', low, high };
  }
  const simple = [
    ['eq', rule.mustBe],
    ['ne', rule.mustNotBe],
    ['gt', rule.mustBeGreaterThan],
    ['ge', rule.mustBeGreaterOrEqualTo],
    ['lt', rule.mustBeLessThan],
    ['le', rule.mustBeLessOrEqualTo],
  ] as const;
  const [kind, value] = simple.find(([, each]) => each !== undefined) ?? [];
  return kind === undefined || typeof value !== 'number' ? undefined : { kind, value };
}
