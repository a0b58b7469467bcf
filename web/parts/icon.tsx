/** Drawings in a field of 24 by 24, as strokes; they take the colour of the text beside them. */
const strokes = {
  ok: 'M5 12.5l4.5 4.5L19 7.5',
  busy: 'M4 12a8 8 0 0 1 14-5.3M20 12a8 8 0 0 1-14 5.3M18 3v4h-4M6 21v-4h4',
  wait: 'M12 7v5l3 2M21 12a9 9 0 1 1-18 0 9 9 0 0 1 18 0z',
  bad: 'M12 8v5M12 16.5v.01M10.3 4L2.7 17.5A2 2 0 0 0 4.4 20.5h15.2a2 2 0 0 0 1.7-3L13.7 4a2 2 0 0 0-3.4 0z',
  idle: 'M8 12h8M21 12a9 9 0 1 1-18 0 9 9 0 0 1 18 0z',
  overview: 'M4 13a8 8 0 1 1 16 0M12 13l4-3M5 18h14',
  servers: 'M4 5h16v6H4zM4 13h16v6H4zM8 8v.01M8 16v.01',
  activity: 'M3 12h4l3-7 4 14 3-7h4',
  conflicts: 'M7 4v6a5 5 0 0 0 5 5 5 5 0 0 1 5 5M17 4v6a5 5 0 0 1-2 4M7 20a5 5 0 0 1 2-4',
  data: 'M4 6c0-1.7 3.6-3 8-3s8 1.3 8 3-3.6 3-8 3-8-1.3-8-3zM4 6v12c0 1.7 3.6 3 8 3s8-1.3 8-3V6M4 12c0 1.7 3.6 3 8 3s8-1.3 8-3',
  files: 'M3 6a2 2 0 0 1 2-2h4l2 3h8a2 2 0 0 1 2 2v9a2 2 0 0 1-2 2H5a2 2 0 0 1-2-2z',
  recovery: 'M4 12a8 8 0 1 0 3-6.2M4 4v5h5M12 8v4l3 2',
  health: 'M12 20s-8-4.7-8-10.5A4.5 4.5 0 0 1 12 7a4.5 4.5 0 0 1 8 2.5C20 15.3 12 20 12 20z',
  settings: 'M4 7h9M17 7h3M4 17h3M11 17h9M15 4.5v5M9 14.5v5',
  users:
    'M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM2.5 20a6.5 6.5 0 0 1 13 0M16 4.3a3.5 3.5 0 0 1 0 6.4M18 14.2a6.5 6.5 0 0 1 3.5 5.8',
  audit: 'M6 3h9l4 4v14H6zM14 3v5h5M9 13h7M9 17h5',
  more: 'M5 12v.01M12 12v.01M19 12v.01',
  close: 'M6 6l12 12M18 6L6 18',
  file: 'M6 3h8l5 5v13H6zM14 3v5h5',
  link: 'M10 14a4 4 0 0 0 6 0l3-3a4.2 4.2 0 0 0-6-6l-1 1M14 10a4 4 0 0 0-6 0l-3 3a4.2 4.2 0 0 0 6 6l1-1',
  up: 'M6 15l6-6 6 6',
  down: 'M6 9l6 6 6-6',
  mark: 'M4 11a8.5 8.5 0 0 1 15-3.5M20 3.5v4.5h-4.5M20 13a8.5 8.5 0 0 1-15 3.5M4 20.5V16h4.5',
} as const;

export type IconName = keyof typeof strokes;

/** Always beside words that say the same: readers do not hear it. */
export function Icon({ name }: { readonly name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={strokes[name]} />
    </svg>
  );
}
