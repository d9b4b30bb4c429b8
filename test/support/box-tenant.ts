import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { ProcessOwner } from '../../local/processes.ts';
import { program } from '../../local/stack.ts';
import type { Control } from '../../simulators/box/control.ts';
import type { Filled, FillOptions } from '../../simulators/box/fill.ts';
import type { KnobsPatch } from '../../simulators/box/knobs.ts';
import { connectControl, type Remote } from '../../simulators/kit/control-client.ts';

export interface BoxTenant {
  url: string;
  pid: number;
  control: Remote<Control>;
  filled: Filled;
  /** What `POST /v1/connections` wants for it. */
  body: { app: 'box'; settings: Record<string, unknown>; credential: object; governance: 'on' };
}

export interface BoxTenantOptions {
  logFolder: string;
  fill: FillOptions;
  seed?: number;
  enterprise?: string;
  knobs?: KnobsPatch;
}

interface Started {
  url: string;
  uploadUrl: string;
  downloadUrl: string;
  enterpriseId: string;
  clientId: string;
  clientSecret: string;
}

/** The Box simulator as a process of its own, filled. */
export async function startBoxTenant(owner: ProcessOwner, options: BoxTenantOptions): Promise<BoxTenant> {
  const { fill, seed = 1, enterprise = 'Acme', knobs = {}, logFolder } = options;
  const controlToken = randomBytes(16).toString('hex');
  const simulator = await owner.start({
    name: 'the Box simulator',
    ...program(
      'simulators/box/server.ts',
      ...['--empty', '--seed', String(seed), '--enterprise', enterprise, '--control', controlToken, '--http-hooks'],
      ...['--knobs', JSON.stringify(knobs)],
    ),
    logFile: join(logFolder, `box-${enterprise}.log`),
    ready: { line: /^\{"ready":true.*\}$/m },
    readyWithinMs: 60_000,
  });
  const { url, uploadUrl, downloadUrl, enterpriseId, clientId, clientSecret } = JSON.parse(
    simulator.match![0],
  ) as Started;
  const control = connectControl<Control>(url, controlToken);
  return {
    url,
    pid: simulator.pid,
    control,
    filled: await control.fill(fill),
    body: {
      app: 'box',
      settings: { enterpriseId, baseUrl: url, uploadUrl, downloadUrl, asUserQuota: 'user' },
      credential: { type: 'clientCredentials', clientId, clientSecret },
      governance: 'on',
    },
  };
}
