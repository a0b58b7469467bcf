import type { Access, Role } from '../contract/route.js';
import type { TokenScope } from './access-records.js';

/** Who asks. */
export type Caller =
  | { readonly kind: 'nobody'; readonly address: string }
  | {
      readonly kind: 'user';
      readonly address: string;
      readonly userId: string;
      readonly sessionId: string;
      readonly name: string;
      readonly role: Role;
    }
  | {
      readonly kind: 'token';
      readonly address: string;
      readonly tokenId: string;
      readonly name: string;
      readonly scope: TokenScope;
    };

const rankByRole: Readonly<Record<TokenScope, number>> = { metrics: 0, viewer: 1, operator: 2, admin: 3 };

export const rightOf = (caller: Caller): TokenScope | null =>
  caller.kind === 'nobody' ? null : caller.kind === 'user' ? caller.role : caller.scope;

export function mayCall(caller: Caller, access: Access): boolean {
  if (access === 'public') return true;
  const right = rightOf(caller);
  return right !== null && rankByRole[right] >= rankByRole[access];
}

export const nameOfCaller = (caller: Caller): string =>
  caller.kind === 'user' ? caller.name : caller.kind === 'token' ? `token ${caller.name}` : 'nobody';
