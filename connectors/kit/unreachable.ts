import { Failure } from './failures.ts';

const remedy = 'see that the address in the settings is right; it is asked again by itself';

/** What Node and its TLS say (`code`) of a call that came to no answer, and who can do something about it. */
export function unreachable(operation: string, host: string, code: string): Failure {
  const evidence = { operation, vendorCode: code };
  if (/^(ENOTFOUND|EAI_AGAIN|ENODATA)$/.test(code))
    return new Failure('unavailable', `the name ${host} cannot be looked up (${code})`, {
      who: 'operator',
      remedy,
      evidence,
    });
  if (/CERT|TLS|SSL|^UNABLE_TO_/.test(code))
    return new Failure('unavailable', `${host} does not prove by its certificate who it is (${code})`, {
      who: 'operator',
      remedy,
      evidence,
    });
  return new Failure('unavailable', `${operation} was not answered (${code})`, { who: 'vendor', evidence });
}
