/** Names and stamps in the model are texts that sort by age: "stamp.origin.index". So `<` on two row names means "elder". */

const pad = (n: number, width = 9): string => String(n).padStart(width, '0');

export const nameOf = (stamp: number, origin: string, index: number): string =>
  `${pad(stamp)}.${origin}.${pad(index, 3)}`;

export const stampOfName = (name: string): number => Number(name.slice(0, 9));

export const originOfName = (name: string): string => name.split('.')[1] ?? '';

export const serverOf = (origin: string): string => origin.slice(0, 1);

export const writeStamp = (stamp: number, origin: string): string => `${pad(stamp)}.${origin}.00`;

export function weakStamp(replaced: string, stamp: number, origin: string): string {
  const [s = '', o = '', weak = '0'] = replaced.split('.');
  return `${s}.${o}.${pad(Number(weak) + 1, 2)}.${pad(stamp)}.${origin}`;
}

export function hashOf(text: string): number {
  let hash = 2166136261;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 16777619) >>> 0;
  return hash;
}
