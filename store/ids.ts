import { randomInt } from 'node:crypto';

const alphabet = 'abcdefghijklmnopqrstuvwxyz0123456789';

/** 20 random letters and digits, 103 bits. Lower case only: ids travel in host names and addresses that fold case. */
export const randomId = (): string => Array.from({ length: 20 }, () => alphabet[randomInt(alphabet.length)]).join('');

export const newId = (prefix: 'con' | 'act' | 'bat' | 'key'): string => `${prefix}_${randomId()}`;
