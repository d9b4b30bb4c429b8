import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** A folder of vendor descriptions or samples that may lie beside the project; null where it does not. */
export function sharedFolder(variable: string, name: string): string | null {
  const folder = process.env[variable] ?? `${root}../shared/${name}`;
  return existsSync(folder) ? folder : null;
}

const files: Record<number, string> = {
  3001: 'account_change',
  3002: 'authentication',
  3004: 'entity_management',
  3005: 'user_access',
  3006: 'group_management',
  6003: 'api_activity',
  6006: 'file_hosting',
};

/** What is wrong with an event under the OCSF 1.8 schema of its class; empty when it is valid. */
export function createOcsfValidator(specsFolder: string): (event: { class_uid: number }) => string[] {
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  const compiled = new Map<number, ValidateFunction>();
  return (event) => {
    const file = files[event.class_uid];
    if (!file) return [`no schema for class ${event.class_uid}`];
    let validate = compiled.get(event.class_uid);
    if (!validate) {
      validate = ajv.compile(JSON.parse(readFileSync(`${specsFolder}/ocsf/${file}.json`, 'utf8')) as object);
      compiled.set(event.class_uid, validate);
    }
    if (validate(event)) return [];
    return (validate.errors ?? []).map(
      ({ instancePath, message, params }) => `${instancePath} ${message} ${JSON.stringify(params)}`,
    );
  };
}
