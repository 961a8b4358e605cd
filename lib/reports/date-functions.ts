import { TerminalError } from '../errors.ts';

/** A call in the library's syntax tree; other nodes are passed through as they are. */
interface Call {
  readonly name: string;
  readonly args: readonly unknown[];
}

const UNITS = ['second', 'minute', 'hour', 'day', 'week', 'month', 'quarter', 'year'] as const;
/** Of https://trino.io/docs/current/functions/datetime.html, those that the library gives their own meaning. */
const FORMAT = /^(?:%[YmdHisT]|[^%])*$/;

/**
 * The tree of a statement in Athena's SQL with the functions of dates that the library passes on wrongly written as DuckDB's own:
 * `date_add` counts with an interval, `date_diff` counts whole units and not the boundaries between them, a local time goes from zone to zone.
 * @throws TerminalError for a unit or a format that has no tested counterpart
 */
export function withDuckDbDates(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(withDuckDbDates);
  if (typeof node !== 'object' || node === null) return node;
  if ('cast' in node) {
    const moved = zoneToZone(node.cast as Cast);
    if (moved !== undefined) return moved;
  }
  const inner = Object.fromEntries(Object.entries(node).map(([key, value]) => [key, withDuckDbDates(value)]));
  if ('extract' in inner) unit('extract', (inner.extract as { readonly field?: unknown }).field);
  return 'function' in inner ? { ...inner, function: rewritten(inner.function as Call) } : inner;
}

interface Cast {
  readonly this: { readonly function?: Call };
  readonly to: { readonly data_type?: string; readonly timezone?: boolean };
}

/**
 * `CAST(at_timezone(with_timezone(t, a), b) AS timestamp)`: the local time in b when it is t in a. Alone both give a time with a zone, which
 * Athena and DuckDB compare and cast differently.
 */
function zoneToZone({ this: inner, to }: Cast): unknown {
  const outer = inner.function;
  if (outer?.name.toLowerCase() !== 'at_timezone' || to.data_type !== 'timestamp' || to.timezone === true)
    return undefined;
  const [from, toZone] = outer.args;
  const local = (from as { readonly function?: Call } | undefined)?.function;
  if (local?.name.toLowerCase() !== 'with_timezone') return undefined;
  const [time, fromZone] = local.args;
  const instant = { function: { ...local, name: 'timezone', args: [fromZone, withDuckDbDates(time)] } };
  return { function: { ...outer, name: 'timezone', args: [toZone, instant] } };
}

function rewritten(call: Call): Call {
  const [first, second, third] = call.args;
  const named = (name: string, ...args: readonly unknown[]): Call => ({ ...call, name, args });
  switch (call.name.toLowerCase()) {
    case 'date_add': {
      const of = unit('date_add', textOf(first));
      // The library takes `to_days` for MySQL's function of that name; a day of a time without zone is 24 hours.
      const interval =
        of === 'day' ? named('to_hours', hours(integer(second))) : named(`to_${of}s`, integer(second));
      return named('add', third, { function: interval });
    }
    case 'at_timezone':
    case 'with_timezone':
      throw wrong(
        `function ${call.name.toLowerCase()} by itself`,
        "CAST(at_timezone(with_timezone(t, 'zone'), 'zone') AS timestamp)",
      );
    case 'date_diff':
      unit('date_diff', textOf(first));
      return named('datesub', first, second, third);
    case 'date_format':
      if (FORMAT.test(textOf(second) ?? '%')) return call;
      throw wrong('this format of date_format', 'a text with %Y, %m, %d, %H, %i, %s, %T');
    default:
      return call;
  }
}

function unit(name: string, text: unknown): (typeof UNITS)[number] {
  const found = UNITS.find((each) => each === String(text).toLowerCase());
  if (found === undefined) throw wrong(`this unit of ${name}`, UNITS.join(', '));
  return found;
}

const textOf = (node: unknown): string | undefined => {
  const { literal } = (node ?? {}) as { literal?: { literal_type?: string; value?: string } };
  return literal?.literal_type === 'string' ? literal.value : undefined;
};

const integer = (node: unknown): unknown => ({
  cast: {
    this: node,
    to: { data_type: 'int', length: null, integer_spelling: true },
    double_colon_syntax: false,
  },
});

const hours = (days: unknown): unknown => ({
  mul: {
    left: days,
    right: { literal: { literal_type: 'number', value: '24' } },
    left_comments: [],
    operator_comments: [],
    trailing_comments: [],
  },
});

const wrong = (construct: string, allowed: string): TerminalError =>
  new TerminalError(`${construct} can't be translated for the laptop; allowed: ${allowed}`, {
    fault: 'contract',
    facts: { construct },
  });
