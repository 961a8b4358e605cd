/** Pieces of a regular expression that look like more than one sign, then single signs. */
const PIECES = /\\[pP]\{[^}]*\}|\\.|\(\?<?[=!]|\(\?<|\[\^?\]|\{\d+(?:,\d*)?\}|./gsu;

/** https://github.com/google/re2/wiki/Syntax: a repetition counts at most this far. */
const MAX_REPETITION = 1000;

/**
 * Why a pattern can't be used, undefined where it can. What passes means the same in ECMA-262, which the standard asks for, and in RE2,
 * which the engines have; a pattern that only the engine refuses would look like a fault of every file.
 */
export function patternProblem(pattern: string): string | undefined {
  const found = (pattern.match(PIECES) ?? []).map(pieceProblem).find((problem) => problem !== undefined);
  if (found !== undefined) return `${pattern} uses ${found}; allowed: what RE2 understands`;
  try {
    new RegExp(pattern, 'u');
    return undefined;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return `${pattern} is no regular expression (ECMA-262, unicode mode)`;
  }
}

function pieceProblem(piece: string): string | undefined {
  if (/^\(\?<?[=!]$/.test(piece)) return 'look-around';
  if (piece === '(?<') return 'a named group';
  if (/^\\[1-9k]$/.test(piece)) return 'back references';
  if (/^\\[0cu]$/.test(piece)) return `${piece} (write the sign itself)`;
  if (/^\\[pP]\{/.test(piece) && !/^\\[pP]\{[A-Z][a-z]?\}$/.test(piece))
    return `${piece} (allowed: such as \\p{L})`;
  if (piece === '[]' || piece === '[^]') return 'an empty class';
  const counts = /^\{(\d+)(?:,(\d*))?\}$/.exec(piece);
  if (counts !== null && Math.max(Number(counts[1]), Number(counts[2] ?? 0)) > MAX_REPETITION) {
    return `a repetition above ${MAX_REPETITION}`;
  }
  return undefined;
}

/** The whole value is matched anyway. */
export const unanchored = (pattern: string): string => pattern.replace(/^\^/, '').replace(/(?<!\\)\$$/, '');
