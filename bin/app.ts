import { existsSync, globSync, readFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { databasesOf } from '../lib/adapters/aws/lake.ts';
import { readContracts } from '../lib/adapters/local/contracts.ts';
import { parseConfig } from '../lib/infra/config.ts';
import type { Definition } from '../lib/infra/definition.ts';
import { addStacks, newApp } from '../lib/infra/headgate-app.ts';
import { addNag } from '../lib/infra/nag.ts';

// `cdk deploy --all -c stage=dev`: the stacks of one stage, from config/<stage>.yaml.
const root = join(import.meta.dirname, '..');
const text = (file: string) => readFileSync(join(root, file), 'utf8');

const app = newApp();
const stage: unknown = app.node.tryGetContext('stage') ?? 'dev';
const file = `config/${stage}.yaml`;
if (!existsSync(join(root, file))) {
  const known = globSync(join(root, 'config/*.yaml')).map((each) =>
    relative(join(root, 'config'), each).replace('.yaml', ''),
  );
  throw new Error(`there is no ${file}; allowed for -c stage=: ${known.sort().join(', ')}`);
}
const domains = globSync(join(root, 'sql/*/')).map((folder) => relative(join(root, 'sql'), folder));

/** `-c contracts=` and `-c bundles=` name other folders, `-c architecture=` another processor than the stage's: DuckDB's library may be at hand for one only. */
const folder = (name: string, usual: string): string =>
  resolve(root, String(app.node.tryGetContext(name) ?? usual));
const datasets = readContracts(folder('contracts', 'contracts'));

const config = parseConfig(file, text(file), app.node.tryGetContext('architecture'));
const bundles = folder('bundles', 'dist/lambdas');
requireArchitecture();

addNag(app);
addStacks(app, {
  config,
  datasets,
  databases: databasesOf(datasets),
  domains: domains.sort(),
  definition: JSON.parse(text('lib/pipeline/pipeline.asl.json')) as Definition,
  bundles,
  spark: {
    scripts: join(root, 'glue-scripts'),
    modules: modulesOf(text('glue-scripts/requirements.txt')),
    matchModules: modulesOf(text('glue-scripts/requirements-matching.txt')),
  },
});
app.synth();

/** Names and versions, as Glue wants them: `duckdb==1.5.6`. */
function modulesOf(requirements: string): string {
  return [...requirements.matchAll(/^[A-Za-z0-9_.-]+==[^\s;]+/gm)].map(([pinned]) => pinned).join(',');
}

/** DuckDB's library beside a bundle must be for the processor of the functions; a stage may be synthesised without one. */
function requireArchitecture(): void {
  const wanted = config.lambda.architecture === 'arm64' ? 'arm64' : 'x64';
  const packed = globSync(join(bundles, '*/node_modules/@duckdb/node-bindings-linux-*'));
  const wrong = packed.find((path) => !path.endsWith(`-${wanted}`));
  if (wrong !== undefined)
    throw new Error(
      `${relative(root, wrong)} is not for lambda.architecture ${config.lambda.architecture} of ${file}; run: npm run bundle:duckdb ${wanted}`,
    );
}
