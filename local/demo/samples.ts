import { fileURLToPath } from 'node:url';

/** Real events made by others, kept outside the repository; `CASTELLAN_SAMPLES` names another place. */
export const samplesFolder = (): string =>
  process.env['CASTELLAN_SAMPLES'] ?? fileURLToPath(new URL('../../../shared/samples', import.meta.url));
