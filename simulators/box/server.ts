import { serve } from '../kit/serve.ts';
import { createBoxSimulator } from './simulator.ts';

serve({
  app: 'Box',
  texts: { enterprise: 'Acme', 'client-id': 'ID', 'client-secret': 'SECRET' },
  amounts: { users: 50, groups: 10, items: 1000, events: 500 },
  knobs: '{"requestsPerWindow":1000}',
  async create(told, { enterprise, 'client-id': clientId, 'client-secret': clientSecret }) {
    const simulator = await createBoxSimulator({ ...told, enterprise, clientId, clientSecret });
    const { control, close, state: _state, ...ready } = simulator;
    return { ready: { ...ready, filled: control.measure() }, close };
  },
});
