export { check } from './check.ts';
export { connection } from './connection.ts';
