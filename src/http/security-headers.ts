/** Headers of every answer, by what it carries. */
const always: Readonly<Record<string, string>> = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=()',
};

/** Nothing from elsewhere, nothing inline, no frame, no form that leaves the page. */
const pagePolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data:",
  "manifest-src 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
  "form-action 'self'",
  "require-trusted-types-for 'script'",
].join('; ');

const answerPolicy = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

export function addSecurityHeaders(
  headers: Headers,
  { isPage, isSecure }: { isPage: boolean; isSecure: boolean },
): void {
  for (const [name, value] of Object.entries(always)) headers.set(name, value);
  if (!headers.has('content-security-policy'))
    headers.set('content-security-policy', isPage ? pagePolicy : answerPolicy);
  if (!headers.has('cache-control')) headers.set('cache-control', 'no-store');
  if (isSecure) headers.set('strict-transport-security', 'max-age=31536000');
}
