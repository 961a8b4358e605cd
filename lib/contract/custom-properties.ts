import { z } from 'zod';
import { objectExtras, propertyExtras, ruleExtras } from './ingestion-schema.ts';
import type { CustomProperty } from './odcs-elements.ts';
import { fromZod, type Path, type Problem } from './problems.ts';

export interface Extras<Value> {
  readonly value: Value;
  readonly problems: readonly Problem[];
}

/** Where each of Headgate's properties has its place. */
const PLACES: Readonly<Record<string, string>> = Object.fromEntries([
  ...Object.keys(objectExtras).map((name) => [name, 'a schema object']),
  ...Object.keys(propertyExtras).map((name) => [name, 'a property that is a column']),
  ...Object.keys(ruleExtras).map((name) => [name, 'a quality rule']),
]);

/**
 * Headgate's own properties out of a list of custom properties. The standard allows any name there, so others are ignored, but
 * one that is a slip of the pen away from ours, or ours in another place, is an error: it would stop nothing and check nothing.
 */
export function readExtras<Shape extends z.ZodRawShape>(
  shape: Shape,
  list: readonly CustomProperty[] | undefined,
  path: Path,
): Extras<z.infer<z.ZodObject<Shape>>> {
  const known = Object.keys(shape);
  const problems: Problem[] = [];
  const given: Record<string, unknown> = {};
  for (const [index, { property, value }] of (list ?? []).entries()) {
    const at = [...path, 'customProperties', index];
    if (known.includes(property)) {
      if (property in given) problems.push({ path: at, message: `${property} is given twice` });
      given[property] = value;
    } else if (PLACES[property] !== undefined) {
      problems.push({
        path: [...at, 'property'],
        message: `${property} belongs to ${PLACES[property]}, not here`,
      });
    } else {
      const meant = known.find((name) => isSlip(name.toLowerCase(), property.toLowerCase()));
      if (meant !== undefined) {
        problems.push({
          path: [...at, 'property'],
          message: `${JSON.stringify(property)} is not known; did you mean ${meant}?`,
        });
      }
    }
  }
  const parsed = z.object(shape).safeParse(given);
  for (const problem of fromZod(parsed.error?.issues ?? [], given)) {
    const index = (list ?? []).findIndex(({ property }) => property === problem.path[0]);
    problems.push({
      ...problem,
      path: [...path, 'customProperties', index, 'value', ...problem.path.slice(1)],
    });
  }
  return { value: (parsed.data ?? z.object(shape).parse({})) as z.infer<z.ZodObject<Shape>>, problems };
}

/** Short names are too near to others that mean something: `pci` and `api` are no slips of `pii`. */
const isSlip = (ours: string, given: string): boolean =>
  distance(ours, given) <= (ours.length <= 4 ? 0 : ours.length <= 6 ? 1 : 2);

/** Levenshtein distance. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (const [i, left] of [...a].entries()) {
    const next = [i + 1];
    for (const [j, right] of [...b].entries()) {
      next.push(
        Math.min((row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1, (row[j] ?? 0) + (left === right ? 0 : 1)),
      );
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
