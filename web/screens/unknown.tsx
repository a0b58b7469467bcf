import { Empty } from '../parts/empty.js';
import { ScreenHead } from '../parts/screen-head.js';

/** An address that leads nowhere, or that this role may not open. */
export function UnknownScreen() {
  return (
    <>
      <ScreenHead title="Nothing here" />
      <Empty title="No screen has this address, or your role may not open it.">
        <p>
          <a href="/">Go to the overview</a>
        </p>
      </Empty>
    </>
  );
}
