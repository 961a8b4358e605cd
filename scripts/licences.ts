// Refuses packages whose licence nobody has looked at. What is bundled goes out to AWS; what only builds is looked at as well.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const ALLOWED =
  /^(MIT|MIT-0|ISC|Apache-2\.0|BSD-[23]-Clause|0BSD|BlueOak-1\.0\.0|Python-2\.0|CC0-1\.0|CC-BY-4\.0|Unlicense|Zlib|MPL-2\.0|LGPL-3\.0-or-later)$/;

interface Package {
  readonly license?: string;
  readonly dev?: boolean;
  readonly optional?: boolean;
}

const { packages } = JSON.parse(readFileSync(join(import.meta.dirname, '../package-lock.json'), 'utf8')) as {
  readonly packages: Readonly<Record<string, Package>>;
};

/** `(MIT OR GPL-3.0)` is fine, `MIT AND GPL-3.0` is not. */
const isAllowed = (licence: string): boolean =>
  licence
    .replace(/[()]/g, '')
    .split(' OR ')
    .some((choice) => choice.split(' AND ').every((each) => ALLOWED.test(each)));

const refused = Object.entries(packages).filter(
  ([path, { license }]) => path !== '' && license !== undefined && !isAllowed(license),
);
const unnamed = Object.entries(packages).filter(
  ([path, { license, optional }]) => path !== '' && license === undefined && optional !== true,
);
for (const [path, { license }] of [...refused, ...unnamed])
  console.error(`${path}: ${license ?? 'names no licence'}`);
if (refused.length + unnamed.length > 0) process.exitCode = 1;
else console.log(`${Object.keys(packages).length - 1} packages, all with a licence that is allowed`);
