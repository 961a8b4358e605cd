import { type Document, isNode, type LineCounter } from 'yaml';
import type { z } from 'zod';
import { TerminalError } from '../errors.ts';

export type Path = readonly (string | number)[];

export interface Problem {
  readonly path: Path;
  readonly message: string;
}

export interface PlacedProblem {
  readonly line: number;
  readonly path: string;
  readonly message: string;
}

/** Everything that is wrong with a contract, each with its line. Nothing of the contract is used. */
export class ContractError extends TerminalError {
  override readonly name = 'ContractError';
  readonly file: string;
  readonly problems: readonly PlacedProblem[];

  /** Errors of other files, which are part of the message. */
  readonly others: readonly ContractError[];

  constructor(
    file: string,
    problems: readonly PlacedProblem[],
    cause?: unknown,
    others: readonly ContractError[] = [],
  ) {
    const lines = problems.map(
      ({ line, path, message }) => `${file}:${line} ${path === '' ? '' : `${path}: `}${message}`,
    );
    super([...lines, ...others.map(({ message }) => message)].join('\n'), {
      fault: 'contract',
      facts: { file },
      cause,
    });
    this.file = file;
    this.problems = problems;
    this.others = others;
  }

  with(others: readonly ContractError[]): ContractError {
    return new ContractError(this.file, this.problems, this.cause, others);
  }
}

/** `schema[0].properties[2].logicalType` */
export const pathText = (path: Path): string =>
  path
    .map((part, index) => (typeof part === 'number' ? `[${part}]` : index === 0 ? part : `.${part}`))
    .join('');

/** Line of the deepest node of the path that the document has. */
export function lineOf(document: Document, lines: LineCounter, path: Path): number {
  for (let length = path.length; length >= 0; length--) {
    const node = document.getIn(path.slice(0, length), true);
    if (isNode(node) && node.range) return lines.linePos(node.range[0]).line;
  }
  return 1;
}

/** What zod found, said so that a person can mend it. */
export function fromZod(issues: readonly z.core.$ZodIssue[], input: unknown): readonly Problem[] {
  return issues.flatMap((issue): readonly Problem[] => {
    const path = issue.path.map((part) => (typeof part === 'number' ? part : String(part)));
    switch (issue.code) {
      case 'unrecognized_keys':
        return issue.keys.map((key) => ({
          path: [...path, key],
          message: `${JSON.stringify(key)} is not known here`,
        }));
      case 'invalid_value':
        return [
          { path, message: `${shown(input, path)} is not allowed; allowed: ${issue.values.join(', ')}` },
        ];
      case 'invalid_type':
        return [{ path, message: `${shown(input, path)} is not allowed; expected ${issue.expected}` }];
      case 'invalid_union':
        return ofUnion(issue, path, input);
      default:
        return [{ path, message: issue.message }];
    }
  });
}

/** Of several shapes the one that the value was probably meant to have: it has the right type at the top. */
function ofUnion(issue: z.core.$ZodIssueInvalidUnion, path: Path, input: unknown): readonly Problem[] {
  const meant = issue.errors.find((branch) =>
    branch.every((each) => each.code !== 'invalid_type' || each.path.length > 0),
  );
  if (meant !== undefined)
    return fromZod(
      meant.map((each) => ({ ...each, path: [...issue.path, ...each.path] })),
      input,
    );
  const expected = issue.errors
    .flat()
    .flatMap((each) => (each.code === 'invalid_type' ? [each.expected] : []));
  return [{ path, message: `${shown(input, path)} is not allowed; expected ${expected.join(' or ')}` }];
}

function shown(input: unknown, path: Path): string {
  let value: unknown = input;
  for (const part of path) {
    if (typeof value !== 'object' || value === null) return 'nothing';
    value = Reflect.get(value, part);
  }
  return value === undefined ? 'nothing' : JSON.stringify(value);
}
