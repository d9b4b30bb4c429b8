import { join } from 'node:path';
import { startBoxSimulator, type BoxSimulatorProcess } from '../../local/demo/box-simulator.ts';
import type { ProcessOwner } from '../../local/processes.ts';
import type { FillOptions } from '../../simulators/box/fill.ts';
import type { KnobsPatch } from '../../simulators/box/knobs.ts';

export interface BoxTenant extends Pick<BoxSimulatorProcess, 'url' | 'pid' | 'control' | 'filled'> {
  /** What `POST /v1/connections` wants for it. */
  body: {
    app: 'box';
    settings: Record<string, unknown>;
    credential: BoxSimulatorProcess['credential'];
    governance: 'on';
  };
}

export interface BoxTenantOptions {
  logFolder: string;
  fill: FillOptions;
  seed?: number;
  enterprise?: string;
  knobs?: KnobsPatch;
}

/** The Box simulator as a process of its own, filled. */
export async function startBoxTenant(owner: ProcessOwner, options: BoxTenantOptions): Promise<BoxTenant> {
  const { fill, seed = 1, enterprise = 'Acme', knobs = {}, logFolder } = options;
  const { settings, credential, ...simulator } = await startBoxSimulator(owner, {
    logFile: join(logFolder, `box-${enterprise}.log`),
    options: { seed, enterprise, knobs: JSON.stringify(knobs) },
    empty: true,
  });
  return {
    ...simulator,
    filled: await simulator.control.fill(fill),
    body: { app: 'box', settings: { ...settings, asUserQuota: 'user' }, credential, governance: 'on' },
  };
}
