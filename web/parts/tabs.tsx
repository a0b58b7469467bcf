export interface TabsProps {
  /** For readers: what the parts are. */
  readonly label: string;
  readonly tabs: readonly { readonly href: string; readonly name: string; readonly isOpen: boolean }[];
}

/** Parts of a screen; each has an address of its own. */
export function Tabs({ label, tabs }: TabsProps) {
  return (
    <nav class="tabs" aria-label={label}>
      {tabs.map(({ href, name, isOpen }) => (
        <a key={href} href={href} aria-current={isOpen ? 'page' : undefined}>
          {name}
        </a>
      ))}
    </nav>
  );
}
