import { render } from 'preact';
import { App } from './app.js';
import { startClock } from './state/clock.js';
import { followSession } from './state/live.js';
import { followLinks } from './state/route.js';
import { startSampling } from './state/samples.js';
import { findSession } from './state/session.js';
import { showTheme } from './state/theme.js';

showTheme();
startClock();
followLinks();
followSession();
startSampling();
const root = document.querySelector('#app');
if (root !== null) render(<App />, root);
void findSession();
