import { serve } from '../kit/serve.ts';
import { createOktaSimulator } from './simulator.ts';

serve({
  app: 'Okta',
  texts: { subdomain: 'acme', token: 'SSWS' },
  amounts: { users: 500, groups: 40, events: 3000 },
  knobs: '{"tier":"workforce"}',
  async create(told, texts) {
    const { url, port, control, close } = await createOktaSimulator({ ...told, ...texts });
    return { ready: { url, port, filled: control.measure() }, close };
  },
});
