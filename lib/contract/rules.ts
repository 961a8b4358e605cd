import { readExtras } from './custom-properties.ts';
import type { BatchCheck, BatchMeasure, Column, Operator, RowCheck, RowTest, Severity } from './dataset.ts';
import { ruleExtras } from './ingestion-schema.ts';
import { optionsOf, type Property, type Quality, type SchemaObject } from './odcs-schema.ts';
import type { Path, Problem } from './problems.ts';

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
  const add = (rules: readonly Quality[] | undefined, column: Column | undefined, at: Path) => {
    for (const [index, rule] of (rules ?? []).entries()) {
      const check = ruleOf(rule, column, [...at, 'quality', index]);
      problems.push(...check.problems);
      if (check.row !== undefined) rowChecks.push(check.row);
      if (check.batch !== undefined) batchChecks.push(check.batch);
    }
  };
  for (const [index, property] of (object.properties ?? []).entries()) {
    const column = columns[index];
    if (column === undefined) continue;
    const at: Path = [...path, 'properties', index];
    const own = ownChecks(property, column);
    rowChecks.push(...own);
    problems.push(...own.flatMap((check) => patternProblems(check, at)));
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

/** https://html.spec.whatwg.org/#valid-e-mail-address, RFC 4122, RFC 3986 (scheme), RFC 1123, RFC 791. */
const FORMATS: Readonly<Record<string, string>> = {
  email: "[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9-]+([.][A-Za-z0-9-]+)+",
  uuid: '[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}',
  uri: '[A-Za-z][A-Za-z0-9+.-]*:[^\\s]+',
  hostname: '[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?([.][A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*',
  ipv4: '((25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])[.]){3}(25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])',
};

function ownChecks(property: Property, column: Column): readonly RowCheck[] {
  const options = property.logicalTypeOptions === undefined ? {} : optionsOf(property);
  const check = (what: string, code: string, test: RowTest): RowCheck => ({
    key: `${column.name}.${what}`,
    column: column.name,
    code,
    test,
    severity: 'error',
    action: 'quarantine',
  });
  const {
    minLength,
    maxLength,
    pattern,
    format,
    multipleOf,
    minimum,
    maximum,
    exclusiveMinimum,
    exclusiveMaximum,
  } = options;
  const bounds = {
    min: minimum,
    max: maximum,
    exclusiveMin: exclusiveMinimum,
    exclusiveMax: exclusiveMaximum,
  };
  const range = Object.fromEntries(
    Object.entries(bounds).flatMap(([key, value]) => (value === undefined ? [] : [[key, String(value)]])),
  );
  const length = {
    ...(minLength === undefined ? {} : { min: minLength }),
    ...(maxLength === undefined ? {} : { max: maxLength }),
  };
  const known = column.type.kind === 'string' && format !== undefined ? FORMATS[format] : undefined;
  return [
    ...(column.required || column.primaryKey !== undefined
      ? [check('required', 'value.missing', { kind: 'required' })]
      : []),
    ...(Object.keys(length).length > 0
      ? [check('length', 'value.length', { kind: 'length', ...length })]
      : []),
    ...(pattern === undefined
      ? []
      : [check('pattern', 'value.pattern', { kind: 'pattern', pattern: unanchored(pattern) })]),
    ...(known === undefined ? [] : [check('format', 'value.pattern', { kind: 'pattern', pattern: known })]),
    ...(Object.keys(range).length > 0 ? [check('range', 'value.range', { kind: 'range', ...range })] : []),
    ...(multipleOf === undefined
      ? []
      : [check('multipleOf', 'value.range', { kind: 'multipleOf', of: String(multipleOf) })]),
  ];
}

/** The whole value is matched anyway. */
const unanchored = (pattern: string): string => pattern.replace(/^\^/, '').replace(/(?<!\\)\$$/, '');

/** RE2 has neither look-around nor back references; both engines take what is left. */
function patternProblems({ test }: RowCheck, path: Path): readonly Problem[] {
  if (test.kind !== 'pattern') return [];
  if (/\(\?[=!<]|\\[1-9]/.test(test.pattern)) {
    return [
      {
        path: [...path, 'logicalTypeOptions', 'pattern'],
        message: `${test.pattern} uses look-around or back references; allowed: what RE2 understands`,
      },
    ];
  }
  try {
    new RegExp(test.pattern, 'u');
    return [];
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return [
      {
        path: [...path, 'logicalTypeOptions', 'pattern'],
        message: `${test.pattern} is no regular expression`,
      },
    ];
  }
}

interface RuleCheck {
  readonly row?: RowCheck;
  readonly batch?: BatchCheck;
  readonly problems: readonly Problem[];
}

function ruleOf(rule: Quality, column: Column | undefined, path: Path): RuleCheck {
  const extras = readExtras(ruleExtras, rule.customProperties, path);
  if (extras.problems.length > 0) return { problems: extras.problems };
  const complain = (message: string): RuleCheck => ({ problems: [{ path, message }] });
  const { onFailure } = extras.value;
  const severity = severityOf(rule.severity);
  const softly = severity === 'error' ? undefined : 'warn';
  if (rule.type === 'text' || (rule.type === 'custom' && rule.engine !== 'headgate')) return { problems: [] };
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
    const base = { key, code: test.code, test: test.test, severity, action };
    return { row: column === undefined ? base : { ...base, column: column.name }, problems: [] };
  }
  const measure = measureOf(rule, column);
  const operator = operatorOf(rule);
  if (typeof measure === 'string') return complain(measure);
  if (operator === undefined) return complain('the operator needs a number');
  const action = onFailure ?? softly ?? 'hold';
  if (action !== 'warn' && action !== 'hold') {
    return complain(
      `${action} needs to know which rows are wrong, this rule gives one number for the batch; allowed: warn, hold`,
    );
  }
  const name = rule.name ?? [column?.name ?? 'batch', rule.metric ?? 'sql'].join('.');
  return {
    batch: { key: name, measure, unit: rule.unit ?? 'rows', operator, severity, action },
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
  if (rule.type !== 'library' || column === undefined || rule.mustBe !== 0 || rule.unit === 'percent')
    return undefined;
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

const texts = (value: unknown): readonly string[] | undefined =>
  Array.isArray(value) ? value.map((each) => (each === null ? '' : String(each))) : undefined;

function measureOf(rule: Quality, column: Column | undefined): BatchMeasure | string {
  if (rule.type === 'sql') return { kind: 'sql', query: rule.query ?? '' };
  if (rule.metric === 'rowCount') return { kind: 'rowCount' };
  if (rule.metric === 'duplicateValues') {
    const columns = texts(rule.arguments?.properties) ?? (column === undefined ? [] : [column.name]);
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
