import * as z from 'zod/mini';
import { settings } from '../lib/adapters/aws/settings.ts';
import { TerminalError } from '../lib/errors.ts';
import { VARIABLES } from '../lib/infra/functions.ts';

/** What a function may read from its environment, beside what Lambda and the powertools set for themselves. */
const environment = z.object({
  ...settings.shape,
  /** The compiled contracts; packed beside the bundle. */
  datasets: z._default(z.string(), 'datasets.json'),
  /** Views and findings of sql/, as JSON; packed beside the bundle. */
  marts: z._default(z.string(), 'marts.json'),
  /** The compiled entities; packed beside the bundle. */
  entities: z._default(z.string(), 'entities.json'),
  /** Name of the Glue job that compares records. */
  matchJob: z.string().check(z.minLength(1)),
  /** Bytes of input, and of table files to read, from which `auto` takes Spark. */
  sparkFromBytes: z.coerce.number().check(z.int(), z.positive()),
  /** Folder with room for a run's files. */
  scratch: z._default(z.string(), '/tmp'),
  /** Memory for DuckDB, such as `2GB`. */
  memory: z.optional(z.string()),
  /** Name of the secret with the addresses of Slack and Teams. */
  webhookSecret: z.string().check(z.minLength(1)),
});

type Environment = z.infer<typeof environment>;

/**
 * The one place where functions read their environment: the named variables and no others.
 * @throws TerminalError that names every variable that is missing or wrong, never its value
 */
export function read<const Name extends keyof Environment>(names: readonly Name[]): Pick<Environment, Name> {
  const given = Object.fromEntries(names.map((name) => [name, process.env[VARIABLES[name]]]));
  const mask = Object.fromEntries(names.map((name) => [name, true])) as Record<Name, true>;
  const parsed = z.pick(environment, mask as never).safeParse(given);
  if (parsed.success) return parsed.data as Pick<Environment, Name>;
  const wrong = parsed.error.issues.map(
    ({ path, message }) => `${VARIABLES[path[0] as keyof Environment]}: ${message}`,
  );
  throw new TerminalError(`the environment of the function is wrong: ${wrong.join('; ')}; deploy again`, {
    fault: 'headgate',
  });
}
