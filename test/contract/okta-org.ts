import type { Session } from '../../connectors/connector.ts';
import { okta } from '../../connectors/okta/index.ts';
import { createOktaSimulator, type OktaSimulator, type OktaSimulatorOptions } from '../../simulators/okta/simulator.ts';
import { createOpenGovernor } from '../support/open-governor.ts';

/** A stand-in org, and a session of a connection to it. */
export async function startOrg(options: OktaSimulatorOptions): Promise<{ simulator: OktaSimulator; session: Session }> {
  const simulator = await createOktaSimulator(options);
  const session = okta.open({
    connectionId: 'okta',
    settings: { domain: 'acme.okta.com', baseUrl: simulator.url },
    credential: { type: 'ssws', token: simulator.token },
    credentialVersion: 1,
    governor: createOpenGovernor(),
    urgency: 'sweep',
    signal: new AbortController().signal,
    allowLocalOrigins: true,
  });
  return { simulator, session };
}
