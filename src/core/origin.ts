/** Sixteen base32 characters: the first 80 bits of the SHA-256 of a server's public key. */
export type ServerId = string & { readonly __brand: 'ServerId' };
/** Eight hex characters, random. A server that went back in time takes a new one. */
export type Epoch = string & { readonly __brand: 'Epoch' };
/** Who made a changeset: `<server id>-<epoch>`. Compared as text. */
export type OriginId = string & { readonly __brand: 'OriginId' };

const serverIdPattern = /^[a-z2-7]{16}$/;
const originPattern = /^[a-z2-7]{16}-[0-9a-f]{8}$/;

export const isServerId = (text: string): text is ServerId => serverIdPattern.test(text);

/** Rows that were there before Universal Sync are named after this origin (rule R10), so that copies of one database unify. */
export const genesisOrigin = 'aaaaaaaaaaaaaaaa-00000000' as OriginId;

export const isOriginId = (text: string): text is OriginId => originPattern.test(text);

export const originIdOf = (server: ServerId, epoch: Epoch): OriginId => `${server}-${epoch}` as OriginId;
export const serverIdOfOrigin = (origin: OriginId): ServerId => origin.slice(0, 16) as ServerId;
export const epochOfOrigin = (origin: OriginId): Epoch => origin.slice(17) as Epoch;
