/** Names that try to break out of wherever they are shown. */
export const hostileNames: readonly string[] = [
  `"><script>window.broken=1</script>`,
  `<img src=x onerror=window.broken=1>`,
  `Robert'); DROP TABLE item;--`,
  'two\nlines\r\nSet-Cookie: x=1',
  '\u001b[2J\u001b]0;title\u0007\u202egnp.exe',
  '{"a":1}\\',
  '$(touch broken) `id` ${x} %s %n',
  '__proto__',
  '💥 ünï\u0000'.replace('\u0000', '\u2028'),
];

/** As files may be called. */
export const hostileFileNames: readonly string[] = hostileNames.map((name) => `${name.replaceAll('/', '')}.txt`);

export const quotedName = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** What steers a terminal or turns the direction of writing; a line end alone may separate lines. */
export const steering = /[\p{Cc}\u202a-\u202e\u2066-\u2069]/u;
