import type { IncomingMessage, ServerResponse } from 'node:http';
import { listen, readBody } from '../kit/http-server.ts';
import { bootstrap } from './bootstrap.ts';
import type { Tenant } from './bootstrap.ts';
import { createControl } from './control.ts';
import type { Control } from './control.ts';
import { answerControl } from '../kit/control-http.ts';
import { createCounters } from './counters.ts';
import { turnKnobs } from '../kit/turn-knobs.ts';
import { defaultKnobs } from './knobs.ts';
import type { KnobsPatch } from './knobs.ts';
import type { FillOptions } from './fill.ts';
import { Gate } from './gate.ts';
import { send } from './send.ts';
import type { OktaState } from './state.ts';

export interface OktaSimulatorOptions {
  /** 0 takes a free port. */
  port?: number;
  seed?: number;
  subdomain?: string;
  /** SSWS token of the first administrator. */
  token?: string;
  roles?: string[];
  /** What `/_control` wants in `x-control-token`; empty leaves that interface closed. */
  controlToken?: string;
  knobs?: KnobsPatch;
  /** Filled at once when given. */
  fill?: FillOptions;
  /** Okta demands https of event hooks; true also takes http://127.0.0.1. */
  allowHttpHooks?: boolean;
}

export interface OktaSimulator {
  url: string;
  port: number;
  /** The SSWS token of the first administrator. */
  readonly token: string;
  /** The tenant as it is; another object after `control.reset`. */
  readonly state: OktaState;
  control: Control;
  close: () => Promise<void>;
}

const BODY_CAP = 1_048_576;

/** A stand-in for one Okta org, over HTTP on 127.0.0.1. */
export async function createOktaSimulator(options: OktaSimulatorOptions = {}): Promise<OktaSimulator> {
  const tenantOptions = {
    seed: options.seed ?? 1,
    subdomain: options.subdomain ?? 'acme',
    token: options.token ?? '00simulatedTokenOfTheFirstAdministrator0',
    roles: options.roles ?? ['SUPER_ADMIN'],
  };
  const knobs = turnKnobs(defaultKnobs(), options.knobs ?? {});
  const tenant: { now: Tenant } = { now: bootstrap(tenantOptions, knobs, createCounters()) };
  const gate = new Gate(tenant, tenantOptions.seed, options.allowHttpHooks ?? false);
  const control = createControl(tenant, tenantOptions, gate);
  if (options.fill) control.fill(options.fill);

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await readBody(request, BODY_CAP);
    if (request.url?.startsWith('/_control/')) {
      await answerControl(control, options.controlToken ?? '', request, body, response);
      return;
    }
    const { answer, spoiling } = await gate.answer(request, body);
    await send(tenant.now.state, answer, spoiling, response);
  };
  const failures: unknown[] = [];
  const server = await listen(handle, (error) => failures.push(error), { port: options.port });
  gate.url = server.url;
  return {
    url: server.url,
    port: server.port,
    token: tenantOptions.token,
    get state() {
      return tenant.now.state;
    },
    control,
    close: async () => {
      gate.close();
      await server.close();
      if (failures.length > 0) throw new AggregateError(failures, 'the Okta simulator failed while answering');
    },
  };
}
