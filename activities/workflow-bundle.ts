import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, type Logger, type WorkflowBundleOption } from '@temporalio/worker';

const here = import.meta.url;
/** Beside the compiled folders. The sources have none, so that nobody runs an old one by mistake. */
export const bundlePath = fileURLToPath(new URL('../workflow-bundle.js', here));

/** The workflow code as the sandbox runs it, sealed into one file. */
export async function bundleWorkflows(logger: Logger): Promise<string> {
  const workflowsPath = fileURLToPath(new URL(`../workflows/index${here.slice(-3)}`, here));
  const { code } = await bundleWorkflowCode({ workflowsPath, logger });
  return code;
}

/** What was made beforehand, told by its path or by `npm run build`; else made now. */
export async function workflowBundle(logger: Logger, path?: string): Promise<WorkflowBundleOption> {
  if (path !== undefined) return { codePath: path };
  if (here.endsWith('.js') && existsSync(bundlePath)) return { codePath: bundlePath };
  return { code: await bundleWorkflows(logger) };
}
