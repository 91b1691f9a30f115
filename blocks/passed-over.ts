/** Why `latest` leaves a backup out, in words that follow its name. */
export const passedOverAs = {
  target: 'of another target',
  database: 'of another database',
  safety: 'the safety backup of a restore',
  schema: 'definitions only',
  partial: 'some tables',
  failed: 'failed its verification',
  incomplete: 'files missing',
} as const;

export type PassedOver = keyof typeof passedOverAs;
