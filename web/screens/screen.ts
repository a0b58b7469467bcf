import type { ComponentType } from 'preact';
import type { Role } from '../../src/http/contract/route.js';
import type { IconName } from '../parts/icon.js';

/** A screen in the navigation. */
export interface Screen {
  /** The first part of its path; empty for the overview. */
  readonly part: string;
  readonly name: string;
  readonly icon: IconName;
  /** Who may open it. */
  readonly role: Role;
  readonly show: ComponentType;
  /** Below the line in the navigation: about this dashboard, not about what is synced. */
  readonly isHouse?: boolean;
}
