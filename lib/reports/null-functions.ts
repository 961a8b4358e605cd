import { TerminalError } from '../errors.ts';

/** A call in the library's syntax tree; other nodes are passed through as they are. */
interface Call {
  readonly name: string;
  readonly args: readonly unknown[];
}

/** The target of a cast. */
interface Target {
  readonly data_type?: string;
  readonly length?: number | null;
  readonly precision?: number | null;
}

/**
 * The tree of a statement in Athena's SQL with what DuckDB means otherwise written out: `greatest`, `least` and `concat` of a null are null there, DuckDB
 * leaves nulls out; `decimal` alone has no fraction there and three digits in DuckDB, which cuts no text to a `varchar(n)`.
 * @throws TerminalError for `char(n)`
 */
export function withNulls(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(withNulls);
  if (typeof node !== 'object' || node === null) return node;
  const inner = Object.fromEntries(Object.entries(node).map(([key, value]) => [key, withNulls(value)]));
  if ('function' in inner) return ofNulls(inner.function as Call) ?? inner;
  const kind = ['cast', 'try_cast'].find((key) => key in inner);
  return kind === undefined ? inner : castTo(inner, kind);
}

function ofNulls(call: Call): unknown {
  const [first, ...others] = call.args.map((arg) => ({ paren: { this: arg, trailing_comments: [] } }));
  switch (call.name.toLowerCase()) {
    case 'greatest':
      return firstOf(call, 'DESC');
    case 'least':
      return firstOf(call, 'ASC');
    case 'concat':
      return others.reduce<unknown>((left, right) => ({ concat: pair(left, right) }), first);
    default:
      return undefined;
  }
}

/** Each argument once: written out as CASE, calls within calls would double with every level. */
function firstOf(call: Call, order: 'ASC' | 'DESC'): unknown {
  const named = (name: string, ...args: readonly unknown[]) => ({ function: { ...call, name, args } });
  const text = (value: string) => ({ literal: { literal_type: 'string', value } });
  const sorted = named('list_sort', named('list_value', ...call.args), text(order), text('NULLS FIRST'));
  return named('list_extract', sorted, number(1));
}

const number = (value: number) => ({ literal: { literal_type: 'number', value: String(value) } });

const pair = (left: unknown, right: unknown) => ({
  left,
  right,
  left_comments: [],
  operator_comments: [],
  trailing_comments: [],
});

function castTo(node: Readonly<Record<string, unknown>>, kind: string): unknown {
  const cast = node[kind] as { readonly to: Target };
  const { data_type: type, length, precision } = cast.to;
  if (type === 'char')
    throw new TerminalError("char can't be translated for the laptop; allowed: varchar", {
      fault: 'contract',
      facts: { construct: 'char' },
    });
  if (type === 'decimal' && (precision ?? undefined) === undefined)
    return { [kind]: { ...cast, to: { ...cast.to, precision: 38, scale: 0 } } };
  if (type !== 'var_char' || (length ?? undefined) === undefined) return node;
  const text = { [kind]: { ...cast, to: { ...cast.to, length: null } } };
  return { function: { ...CALL, name: 'substr', args: [text, number(1), number(Number(length))] } };
}

const CALL = {
  distinct: false,
  trailing_comments: [],
  use_bracket_syntax: false,
  no_parens: false,
  quoted: false,
};
