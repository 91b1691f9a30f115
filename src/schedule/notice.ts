import { z } from 'zod';

/** What approvers of a target are told by direct message, as it is kept until they were. Times are milliseconds since 1970. */
export const noticeSchema = z.discriminatedUnion('is', [
  z.object({
    is: z.literal('failed'),
    target: z.string(),
    /** The command that failed: `verify`. */
    step: z.string(),
    /** `A-1042`; the first step's where another one failed, too. */
    action: z.string(),
    first: z.object({ step: z.string(), action: z.string() }).optional(),
    due: z.number(),
    /** `failed`, `cancelled`, `interrupted`. */
    state: z.string(),
    outcome: z.string(),
    next: z.number().optional(),
  }),
  z.object({
    is: z.literal('missed'),
    target: z.string(),
    step: z.string(),
    action: z.string(),
    /** The first due time that was missed, and how many were. */
    since: z.number(),
    times: z.number(),
    because: z.string(),
  }),
  z.object({
    is: z.literal('interrupted'),
    target: z.string(),
    action: z.string(),
    /** The command, without `/db`. */
    typed: z.string(),
    /** What may have been left, and what to do. */
    outcome: z.string(),
  }),
  z.object({
    is: z.literal('watched'),
    target: z.string(),
    /** Whether it went bad, or is well again. */
    bad: z.boolean(),
    says: z.string(),
    action: z.string(),
  }),
]);

export type Notice = z.output<typeof noticeSchema>;
