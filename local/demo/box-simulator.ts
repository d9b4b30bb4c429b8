import { randomBytes } from 'node:crypto';
import type { Control } from '../../simulators/box/control.ts';
import type { Filled } from '../../simulators/box/fill.ts';
import { connectControl, type Remote } from '../../simulators/kit/control-client.ts';
import type { ProcessOwner } from '../processes.ts';
import { program } from '../stack.ts';

export interface BoxSimulatorProcess {
  url: string;
  pid: number;
  control: Remote<Control>;
  filled: Filled;
  /** What `POST /v1/connections` wants for it, without what is asked of Castellan. */
  settings: Record<string, unknown>;
  credential: { type: 'clientCredentials'; clientId: string; clientSecret: string };
}

type Ready = Pick<BoxSimulatorProcess, 'url' | 'filled'> &
  Record<'uploadUrl' | 'downloadUrl' | 'enterpriseId' | 'clientId' | 'clientSecret', string>;

/** The Box simulator as a process of its own; `options` are those of its command line. */
export async function startBoxSimulator(
  owner: ProcessOwner,
  { logFile, options, empty = false }: { logFile: string; options: Record<string, string | number>; empty?: boolean },
): Promise<BoxSimulatorProcess> {
  const controlToken = randomBytes(16).toString('hex');
  const named = Object.entries({ ...options, control: controlToken });
  const simulator = await owner.start({
    name: 'the Box simulator',
    ...program(
      'simulators/box/server.ts',
      ...named.flatMap(([name, value]) => [`--${name}`, String(value)]),
      ...['--http-hooks', ...(empty ? ['--empty'] : [])],
    ),
    logFile,
    ready: { line: /^\{"ready":true.*\}$/m },
    readyWithinMs: 60_000,
  });
  const ready = JSON.parse(simulator.match![0]) as Ready;
  const { url, uploadUrl, downloadUrl, enterpriseId, clientId, clientSecret, filled } = ready;
  return {
    url,
    pid: simulator.pid,
    control: connectControl<Control>(url, controlToken),
    filled,
    settings: { enterpriseId, baseUrl: url, uploadUrl, downloadUrl },
    credential: { type: 'clientCredentials', clientId, clientSecret },
  };
}
