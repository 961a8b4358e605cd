// Writes the pages that are made from code: `npm run docs`. Tests fail when one is stale.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { contractReference } from '../lib/contract/reference.ts';
import { capacityPage } from '../lib/cost/capacity-page.ts';
import { reasonCodes } from '../lib/intake/reasons.ts';

const docs = join(import.meta.dirname, '../docs');
writeFileSync(join(docs, 'contract-reference.md'), contractReference());
writeFileSync(join(docs, 'reason-codes.md'), reasonCodes());
writeFileSync(join(docs, 'capacity.md'), capacityPage());
