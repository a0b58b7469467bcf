import type { ServerId } from '../../src/core/origin.js';

const letters = 'abcdefghijklmnopqrstuvwxyz234567';
export const serverIdOf = (index: number): ServerId => `server${letters[index] ?? 'z'}`.padEnd(16, 'a') as ServerId;
