import type { Request, Response, Router } from 'express';
import type { Role } from '../store/documents.ts';
import { demandRole } from './auth.ts';
import { HttpProblem } from './problems.ts';

type Handler = (request: Request, response: Response) => Promise<void> | void;
type Method = 'get' | 'post' | 'put' | 'patch' | 'delete';

/** One address: each method with the role it needs. Any other method is answered 405 with the ones there are. */
export function address(router: Router, path: string, methods: { [M in Method]?: readonly [Role, Handler] }): void {
  const route = router.route(path);
  for (const [method, [role, handler]] of Object.entries(methods) as [Method, readonly [Role, Handler]][]) {
    route[method]((request: Request, response: Response) => {
      demandRole(request, role, `${request.method} ${path}`);
      return handler(request, response);
    });
  }
  const allow = Object.keys(methods).map((method) => method.toUpperCase());
  if (methods.get) allow.push('HEAD');
  route.all((request: Request) => {
    throw new HttpProblem('wrong-method', `${request.method} is not possible here`, {
      remedy: `use ${allow.join(', ')}`,
      headers: { Allow: allow.join(', ') },
    });
  });
}
