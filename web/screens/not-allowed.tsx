import { Empty } from '../parts/empty.js';
import { ScreenHead } from '../parts/screen-head.js';
import { pathTo } from '../state/route.js';
import { roleObstacle } from '../state/session.js';
import type { Screen } from './screen.js';

/** A screen that is there, but not for this role. */
export function NotAllowedScreen({ screen }: { readonly screen: Pick<Screen, 'name' | 'role'> }) {
  return (
    <>
      <ScreenHead title={screen.name} />
      <Empty title="Your role may not see this.">
        <p>{roleObstacle(screen.role)}</p>
        <p>
          <a href={pathTo([])}>Go to the overview</a>
        </p>
      </Empty>
    </>
  );
}
