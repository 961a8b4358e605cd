// Packs DuckDB beside the bundles that use it, for a deploy. Arguments: the architecture of the functions, arm64 (default) or x64; another folder of
// bundles than dist/lambdas.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';

const MODULE = '@duckdb/node-api';
/** Functions that execute plans and match records. */
const CARRIERS = ['execute', 'match'];

interface Lock {
  readonly lockfileVersion: number;
  readonly packages: Readonly<Record<string, Package>>;
}

interface Package {
  readonly version: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const root = join(import.meta.dirname, '..');
const bundles = process.argv[3] ?? join(root, 'dist/lambdas');
for (const name of CARRIERS) packDuckDb(root, process.argv[2] ?? 'arm64', join(bundles, name));

/**
 * Puts DuckDB's module and its native library for Lambda beside a bundle: exactly what package-lock.json names, verified by its hashes, whatever
 * machine this runs on. Asks the registry only for what npm has not in its cache.
 */
function packDuckDb(root: string, architecture: string, folder: string): void {
  if (!['arm64', 'x64'].includes(architecture))
    throw new Error(`${architecture} is no architecture of Lambda; allowed: arm64, x64`);
  const library = join(folder, `node_modules/@duckdb/node-bindings-linux-${architecture}`);
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as Lock;
  const packages = Object.fromEntries(
    closure(lock, MODULE).map((name) => [`node_modules/${name}`, packageOf(lock, name)]),
  );
  const manifest = {
    name: `headgate-${basename(folder)}`,
    version: '0.0.0',
    private: true,
    dependencies: { [MODULE]: packageOf(lock, MODULE).version },
  };
  const wanted = JSON.stringify({ ...lock, name: manifest.name, packages: { '': manifest, ...packages } });
  const lockFile = join(folder, 'package-lock.json');
  if (existsSync(library) && existsSync(lockFile) && readFileSync(lockFile, 'utf8') === wanted) return;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest));
  writeFileSync(lockFile, wanted);
  const platform = ['--os=linux', `--cpu=${architecture}`, '--libc=glibc'];
  execFileSync(
    'npm',
    ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline', ...platform],
    {
      cwd: folder,
      stdio: ['ignore', 'ignore', 'inherit'],
    },
  );
  if (!existsSync(library))
    throw new Error(
      `the registry gave no ${MODULE} ${packageOf(lock, MODULE).version} for linux ${architecture}; nothing is packed`,
    );
}

/** A package and everything that it needs, all of which lie at the top of node_modules. */
function closure(lock: Lock, name: string, known: Set<string> = new Set()): readonly string[] {
  if (known.has(name)) return [...known];
  known.add(name);
  const { dependencies, optionalDependencies } = packageOf(lock, name);
  for (const each of Object.keys({ ...dependencies, ...optionalDependencies })) closure(lock, each, known);
  return [...known];
}

function packageOf({ packages }: Lock, name: string): Package {
  const found = packages[`node_modules/${name}`];
  if (found === undefined) throw new Error(`package-lock.json does not hold ${name}; run npm install`);
  return found;
}
