import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { ProcessOwner } from '../../local/processes.ts';
import { program } from '../../local/stack.ts';
import { connectControl, type Remote } from '../../simulators/kit/control-client.ts';
import type { Control } from '../../simulators/okta/control.ts';
import type { KnobsPatch } from '../../simulators/okta/knobs.ts';

export interface OktaTenant {
  url: string;
  pid: number;
  /** The SSWS token of the first administrator. */
  token: string;
  control: Remote<Control>;
  /** What `POST /v1/connections` wants for it. */
  body: { app: 'okta'; settings: object; credential: { type: 'ssws'; token: string }; governance: 'on' };
}

export interface OktaTenantOptions {
  logFolder: string;
  users?: number;
  groups?: number;
  events?: number;
  /** Another seed is another org, whatever its address. */
  seed?: number;
  subdomain?: string;
  knobs?: KnobsPatch;
}

/** An org whose limits are far above the default, so that tests wait for what they are about and nothing else. */
const wide: KnobsPatch = { tier: 'workforce', share: 100, limitFactor: 200 };

/** The Okta simulator as a process of its own, filled. */
export async function startOktaTenant(owner: ProcessOwner, options: OktaTenantOptions): Promise<OktaTenant> {
  const { users = 200, groups = 10, events = 400, seed = 1, subdomain = 'acme', knobs } = options;
  const token = `00${randomBytes(20).toString('hex')}`;
  const controlToken = randomBytes(16).toString('hex');
  const numbers = { users, groups, events, seed };
  const simulator = await owner.start({
    name: 'the Okta simulator',
    ...program(
      'simulators/okta/server.ts',
      ...Object.entries(numbers).flatMap(([name, value]) => [`--${name}`, String(value)]),
      ...['--token', token, '--control', controlToken, '--subdomain', subdomain, '--http-hooks'],
      ...['--knobs', JSON.stringify({ ...wide, ...knobs })],
    ),
    logFile: join(options.logFolder, `okta-${subdomain}.log`),
    ready: { line: /^\{"ready":true,"url":"([^"]+)".*\}$/m },
    readyWithinMs: 60_000,
  });
  const url = simulator.match![1]!;
  return {
    url,
    pid: simulator.pid,
    token,
    control: connectControl<Control>(url, controlToken),
    body: {
      app: 'okta',
      settings: { domain: `${subdomain}.okta.com`, baseUrl: url },
      credential: { type: 'ssws', token },
      governance: 'on',
    },
  };
}
