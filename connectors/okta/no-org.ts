import { Failure } from '../kit/failures.ts';
import { originOf, type Settings } from './settings.ts';

/** The first call of all is answered 404: there is no org of this name, or something else answers there. */
export const noOrg = (settings: Settings, operation: string): Failure =>
  new Failure('notFound', `no Okta org answers at ${originOf(settings)}`, {
    who: 'operator',
    remedy: "make a connection with the right address: the org's, without -admin",
    field: 'settings.domain',
    evidence: { operation, status: 404 },
  });
