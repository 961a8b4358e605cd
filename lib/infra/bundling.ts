import { globSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { type BuildOptions, build, type Plugin } from 'esbuild';

/** Largest minified bundle in bytes, DuckDB's library apart. */
export const BUNDLE_BYTES = { intake: 500_000, other: 1_500_000 } as const;

/**
 * DuckDB's native library is packed beside the one bundle that uses it. The others are ways to credentials that a function never goes, because
 * Lambda puts its role's into the environment; they are loaded only on demand.
 */
const EXTERNAL = [
  '@duckdb/node-api',
  '@aws-sdk/credential-provider-http',
  '@aws-sdk/credential-provider-ini',
  '@aws-sdk/credential-provider-sso',
  '@aws-sdk/credential-provider-process',
  '@aws-sdk/credential-provider-web-identity',
  '@aws-sdk/credential-provider-login',
  '@aws-sdk/nested-clients',
  '@aws-sdk/token-providers',
  '@smithy/credential-provider-imds',
];

/**
 * The SDK writes a service's whole API down with computed keys (`{ [_hE]: 404 }`, `const _hE = "httpError"`), which esbuild must keep because
 * computing a key might act: 66 KB in S3. As plain keys it drops what no command uses.
 */
const plainKeys: Plugin = {
  name: 'plain-keys',
  setup({ onLoad }) {
    onLoad({ filter: /@aws-sdk\/client-[a-z0-9-]+\/dist-es\/schemas\/schemas_0\.js$/ }, async ({ path }) => {
      const text = await readFile(path, 'utf8');
      const names = new Map(
        [...text.matchAll(/^const (_\w+) = ("[^"]*");$/gm)].map(([, name, value]) => [name, value]),
      );
      return {
        contents: text.replaceAll(/\[(_\w+)\]:/g, (key, name) =>
          names.has(name) ? `${names.get(name)}:` : key,
        ),
      };
    });
  },
};

const OPTIONS: BuildOptions = {
  bundle: true,
  minify: true,
  format: 'esm',
  platform: 'node',
  target: 'node24',
  mainFields: ['module', 'main'],
  legalComments: 'none',
  charset: 'utf8',
  external: EXTERNAL,
  plugins: [plainKeys],
  // CommonJS modules inside ask for it.
  banner: { js: "import{createRequire}from'node:module';const require=createRequire(import.meta.url);" },
};

/**
 * Bundles a handler into `index.mjs` of a folder. What it imports on demand (readers of rare formats) stands in files beside it. Answers
 * the bytes that a cold start loads, DuckDB's library apart. What an earlier bundle has left is removed: it would be deployed, too, and be a difference.
 */
export async function bundle(entry: string, folder: string): Promise<number> {
  for (const left of globSync('*.mjs', { cwd: folder })) rmSync(join(folder, left));
  const { metafile } = await build({
    ...OPTIONS,
    entryPoints: { index: entry },
    outdir: folder,
    outExtension: { '.js': '.mjs' },
    splitting: true,
    metafile: true,
  });
  const outputs = new Map(Object.entries(metafile.outputs));
  const main = [...outputs.keys()].find((path) => basename(path) === 'index.mjs') ?? '';
  const loaded = new Set<string>();
  const load = (path: string): void => {
    if (loaded.has(path)) return;
    loaded.add(path);
    for (const each of outputs.get(path)?.imports ?? [])
      if (each.kind === 'import-statement' && each.external !== true) load(each.path);
  };
  load(main);
  return [...loaded].reduce((sum, path) => sum + (outputs.get(path)?.bytes ?? 0), 0);
}
