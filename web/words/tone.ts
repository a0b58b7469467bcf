/** How something stands, in five tones; always shown with a word and a drawing, never by colour alone. */
export type Tone = 'ok' | 'busy' | 'wait' | 'bad' | 'idle';

export interface StateWords {
  readonly tone: Tone;
  readonly word: string;
}
