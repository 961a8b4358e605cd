// One part of the benchmark of formats, without the libraries that other parts load: their memory would hide what grows.
import { format, formatFile } from './parts/formats.ts';
import { perform } from './parts/perform.ts';

await perform({ format, formatFile });
