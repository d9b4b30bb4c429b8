/** The last step of `npm run build`: the worker starts without a bundler, and every replica runs the same bytes. */
import { writeFileSync } from 'node:fs';
import { DefaultLogger } from '@temporalio/worker';
import { bundlePath, bundleWorkflows } from './workflow-bundle.ts';

if (!import.meta.url.endsWith('.js')) throw new Error('runs from the compiled folder only: npm run build');
writeFileSync(bundlePath, await bundleWorkflows(new DefaultLogger('WARN')));
