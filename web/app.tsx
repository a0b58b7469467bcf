import { Gate } from './screens/gate.js';
import { Shell } from './shell.js';
import { session } from './state/session.js';

/** Nothing of the data is shown before the session is known. */
export function App() {
  const current = session.value;
  return current.kind === 'signed-in' ? <Shell info={current.info} /> : <Gate session={current} />;
}
