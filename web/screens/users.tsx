import { ScreenHead } from '../parts/screen-head.js';
import { may } from '../state/session.js';
import { OwnAccount } from './own-account.js';
import { SessionPanel } from './session-panel.js';
import { TokenPanel } from './token-panel.js';
import { UserPanel } from './user-panel.js';

/** Who may open this dashboard, and which programs may call its API. */
export function UsersScreen() {
  return (
    <>
      <ScreenHead
        title="Users and tokens"
        lead="A viewer looks, an operator also decides and verifies, an admin may do everything. Users are known on this server alone."
      />
      {may('admin') ? <UserPanel /> : null}
      {may('admin') ? <TokenPanel /> : null}
      <SessionPanel />
      <OwnAccount />
    </>
  );
}
