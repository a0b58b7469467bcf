import { signal } from '@preact/signals';

export type Theme = 'system' | 'light' | 'dark';

const storageName = 'usync-theme';

export const theme = signal<Theme>(stored());

export function setTheme(next: Theme): void {
  theme.value = next;
  try {
    if (next === 'system') localStorage.removeItem(storageName);
    else localStorage.setItem(storageName, next);
  } catch {
    // A browser that keeps nothing shows the choice until the page is closed.
  }
  showTheme();
}

export function showTheme(): void {
  if (theme.value === 'system') delete document.documentElement.dataset['theme'];
  else document.documentElement.dataset['theme'] = theme.value;
}

function stored(): Theme {
  try {
    const text = localStorage.getItem(storageName);
    return text === 'light' || text === 'dark' ? text : 'system';
  } catch {
    return 'system';
  }
}
