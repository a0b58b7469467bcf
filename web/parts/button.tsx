import type { ComponentChildren } from 'preact';
import { useSignal } from '@preact/signals';
import { failureOf } from '../api/failure.js';
import { say } from '../state/said.js';
import { Icon, type IconName } from './icon.js';

export interface ButtonProps {
  readonly children: ComponentChildren;
  /** What pressing does. While its promise runs the button is busy; what it throws is told to the person. */
  readonly onPress: () => unknown;
  readonly look?: 'first' | 'plain' | 'danger' | 'quiet';
  readonly isSmall?: boolean;
  readonly icon?: IconName;
  /** For readers, where the words on the button do not say which thing it acts on: they hear it after them. */
  readonly about?: string;
  /** Why it cannot be pressed now; null when it can. */
  readonly obstacle?: string | null;
}

export function Button({ children, onPress, look = 'plain', isSmall = false, icon, about, obstacle }: ButtonProps) {
  const isBusy = useSignal(false);
  const cannot = obstacle ?? null;
  const press = async (): Promise<void> => {
    if (isBusy.value) return;
    if (cannot !== null) {
      say('wait', cannot);
      return;
    }
    isBusy.value = true;
    try {
      await onPress();
    } catch (error) {
      const { message, nextStep, code } = failureOf(error);
      say('bad', message, { nextStep, code });
    } finally {
      isBusy.value = false;
    }
  };
  return (
    <button
      type="button"
      class={['button', look === 'plain' ? '' : look, isSmall ? 'small' : ''].filter((part) => part !== '').join(' ')}
      onClick={() => void press()}
      aria-busy={isBusy.value}
      aria-disabled={cannot !== null || isBusy.value}
      title={cannot ?? undefined}
    >
      {isBusy.value ? <Icon name="busy" /> : icon === undefined ? null : <Icon name={icon} />}
      {children}
      {about === undefined ? null : <span class="visually-hidden"> {about}</span>}
    </button>
  );
}
