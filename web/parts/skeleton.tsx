/** Holds the place of what is being loaded. Readers hear the words. */
export function Skeleton({ what }: { readonly what: string }) {
  return (
    <div class="skeleton" role="status">
      <span />
      <span />
      <span />
      <p class="visually-hidden">Loading {what}.</p>
    </div>
  );
}
