import { Empty } from '../parts/empty.js';
import { ScreenHead } from '../parts/screen-head.js';
import { pathTo } from '../state/route.js';

/** An address that leads nowhere. */
export function UnknownScreen() {
  return (
    <>
      <ScreenHead title="Nothing here" />
      <Empty title="No screen has this address.">
        <p>
          <a href={pathTo([])}>Go to the overview</a>
        </p>
      </Empty>
    </>
  );
}
