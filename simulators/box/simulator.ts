import type { IncomingMessage, ServerResponse } from 'node:http';
import { answerControl } from '../kit/control-http.ts';
import { listen, readBody } from '../kit/http-server.ts';
import { ALL_SCOPES, bootstrap } from './bootstrap.ts';
import type { Tenant } from './bootstrap.ts';
import { createControl } from './control.ts';
import type { Control } from './control.ts';
import { createCounters } from './counters.ts';
import { turnKnobs } from '../kit/turn-knobs.ts';
import { defaultKnobs } from './knobs.ts';
import type { KnobsPatch } from './knobs.ts';
import type { FillOptions } from './fill.ts';
import { Gate } from './gate.ts';
import type { Host } from './gate.ts';
import { send } from './send.ts';
import type { BoxState } from './state.ts';

export interface BoxSimulatorOptions {
  /** Of the API; 0 takes a free one. The other hosts always take free ones. */
  port?: number;
  seed?: number;
  enterprise?: string;
  /** The platform application of the first hour. */
  clientId?: string;
  clientSecret?: string;
  scopes?: string[];
  /** What `/_control` wants in `x-control-token`; empty leaves that interface closed. */
  controlToken?: string;
  knobs?: KnobsPatch;
  /** Filled at once when given. */
  fill?: FillOptions;
  /** Box demands https of webhooks; true also takes http://127.0.0.1. */
  allowHttpHooks?: boolean;
}

export interface BoxSimulator {
  /** Instead of https://api.box.com: paths begin with /2.0 and /oauth2. */
  url: string;
  /** Instead of https://upload.box.com: paths begin with /api/2.0. */
  uploadUrl: string;
  /** Instead of https://dl.boxcloud.com. */
  downloadUrl: string;
  port: number;
  readonly enterpriseId: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** The tenant as it is; another object after `control.reset`. */
  readonly state: BoxState;
  control: Control;
  close: () => Promise<void>;
}

const BODY_CAP = 60_000_000;

/** A stand-in for one Box enterprise, over HTTP on 127.0.0.1. */
export async function createBoxSimulator(options: BoxSimulatorOptions = {}): Promise<BoxSimulator> {
  const tenantOptions = {
    seed: options.seed ?? 1,
    enterprise: options.enterprise ?? 'Acme',
    clientId: options.clientId ?? 'simulatedclientid000000000000000',
    clientSecret: options.clientSecret ?? 'simulatedclientsecret00000000000',
    scopes: options.scopes ?? ALL_SCOPES,
  };
  const knobs = turnKnobs(defaultKnobs(), options.knobs ?? {});
  if (options.allowHttpHooks) knobs.hooks.allowHttp = true;
  const tenant: { now: Tenant } = { now: bootstrap(tenantOptions, knobs, createCounters()) };
  const gate = new Gate(tenant, tenantOptions.seed);
  const control = createControl(tenant, tenantOptions, gate);
  if (options.fill) control.fill(options.fill);

  const failures: unknown[] = [];
  const handle = (host: Host) => async (request: IncomingMessage, response: ServerResponse) => {
    const body = await readBody(request, BODY_CAP);
    if (host === 'api' && request.url?.startsWith('/_control/')) {
      await answerControl(control, options.controlToken ?? '', request, body, response);
      return;
    }
    const { answer, spoiling } = await gate.answer(host, request, body);
    await send(tenant.now.state, answer, spoiling, response);
  };
  const start = (host: Host, port?: number) => listen(handle(host), (error) => failures.push(error), { port });
  const servers = [await start('api', options.port), await start('upload'), await start('download')] as const;
  const [api, upload, download] = servers;
  gate.downloadUrl = download.url;
  return {
    url: api.url,
    uploadUrl: upload.url,
    downloadUrl: download.url,
    port: api.port,
    get enterpriseId() {
      return tenant.now.state.enterprise.id;
    },
    clientId: tenantOptions.clientId,
    clientSecret: tenantOptions.clientSecret,
    get state() {
      return tenant.now.state;
    },
    control,
    close: async () => {
      gate.close();
      await Promise.all(servers.map((server) => server.close()));
      if (failures.length > 0) throw new AggregateError(failures, 'the Box simulator failed while answering');
    },
  };
}
