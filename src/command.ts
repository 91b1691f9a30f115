/**
 * The glossary, as types.
 *
 * command    what a person can type after `/db`; one file in commands/
 * target     a PostgreSQL database that commands act on; several can be configured, one is the default
 * action     one use of a command, from the moment it is asked for to its outcome; people say its id: A-1042
 * plan       what a destructive action would do, found out read-only; data, stored, shown, approved and run
 * condition  a fact of the plan that must still hold when the action runs
 * approval   a decision on a plan by someone other than the requester
 * job        an execution that takes a while, reports progress and can be cancelled
 */
import type { z } from 'zod';
import type { View } from '../blocks/view.ts';
import type { ChangeServices, ReadServices, RoutineServices } from './services.ts';

export type { View } from '../blocks/view.ts';
export { ageIn, agePattern } from './age.ts';
export { UserError } from './errors.ts';
export { nearest } from './nearest.ts';
export { quoted } from './quoted.ts';
export { cleanupPlanSchema, restorePlanSchema, undoPlanSchema } from './restore/plan-schema.ts';
export { metricNames } from './sampling/metrics.ts';
export type { ChangeServices, ReadServices, RoutineServices } from './services.ts';

/** What a command gives back: what the person sees, and the same in one line for the audit record. */
export interface Answer {
  readonly view: View;
  /** One plain-text sentence without markup: `attention: 1 session blocked for 4 min`. */
  readonly outcome: string;
  /** The work was done and what it found is bad news, such as a damaged backup: the action ends as failed, and shows this. */
  readonly failed?: true;
  /** Files that belong to the answer, in memory as a whole: a few megabytes at most. */
  readonly files?: readonly AnswerFile[];
}

/** A text file, or a picture. */
export interface AnswerFile {
  /** With its ending: `audit-2026-11-22.csv`. */
  readonly name: string;
  readonly content: string | Uint8Array;
  /** What a picture shows, for whoever cannot see it. */
  readonly alternative?: string;
}

/** What an approver reads before deciding. Made from the stored plan alone. */
export interface Card {
  /** One plain-text line, for notifications and the audit record: `terminate backend 4711 (nightly-report)`. */
  readonly summary: string;
  /** The exact statement or argv that runs, for the audit record. */
  readonly statement: string;
  /** The plan in full: what is concerned, the effect, what could go wrong. */
  readonly view: View;
  /** The question in the Approve button's confirm dialog, at most 300 characters of plain text. */
  readonly confirm: string;
}

/** A routine command's plan in words: it changes nothing, so it has no conditions. */
export interface Preview {
  /** One plain-text line. */
  readonly summary: string;
  /** The argv or statement, as far as it is known beforehand. */
  readonly statement: string;
  /** What it costs, and what it holds up: plain-text sentences. */
  readonly effects: readonly string[];
}

interface Common<Args extends z.ZodObject> {
  readonly name: string;
  /** One line without a full stop, for help and README: `what the database is doing, verdict first`. */
  readonly summary: string;
  /** A strict object of plain types (string, integer, boolean, array of strings), each with a `description` in its meta. */
  readonly args: Args;
  /** Names of arguments that are given by position, in order. The others are `--flags`. */
  readonly positional?: readonly (keyof z.output<Args> & string)[];
  /** What one types, without `/db`; a test parses each. */
  readonly examples: readonly [string, ...string[]];
  /** Arguments with which it is another command, by their names: a command has one risk. */
  readonly insteadWith?: { readonly [argument in keyof z.output<Args> & string]?: string };
  /** `false` for a command about the bot itself, which takes no `--on target`. */
  readonly onTarget?: false;
}

/** Runs at once; has no road to a change. */
export interface ReadCommand<Args extends z.ZodObject = z.ZodObject> extends Common<Args> {
  readonly risk: 'read';
  run(args: z.output<Args>, services: ReadServices): Promise<Answer>;
}

/** Changes nothing a person would miss, but costs load or space. Runs at once, unless the target asks for approval. */
export interface RoutineCommand<Args extends z.ZodObject = z.ZodObject> extends Common<Args> {
  readonly risk: 'routine';
  /** Actions with the same lane run one at a time on a target; a person who asks for a second one is told of the first. */
  readonly lane?: string;
  /** What to look at when the bot died while this ran: one sentence. */
  readonly afterInterruption?: string;
  /**
   * What it would do, for the card where a target asks for approval of it.
   * @throws UserError for what would fail anyway, so that nobody is asked to approve it.
   */
  preview?(args: z.output<Args>, services: ReadServices): Promise<Preview>;
  run(args: z.output<Args>, services: RoutineServices): Promise<Answer>;
}

/** Waits for a second person. `run` gets the approved plan, never the raw arguments. */
export interface DestructiveCommand<Args extends z.ZodObject = z.ZodObject, Plan extends z.ZodType = z.ZodType>
  extends Common<Args> {
  readonly risk: 'destructive';
  /** The plan's schema. A plan is plain JSON; timestamps of the server stay text (a Date loses microseconds). */
  readonly planned: Plan;
  /** What to look at when the bot died while this ran and nobody knows whether it took effect: one sentence. */
  readonly afterInterruption: string;
  /**
   * What this very plan may have left when the bot died while it ran, and what to do about it: said first.
   * @param action that ran it: `A-1042`.
   */
  mayHaveLeft?(plan: z.output<Plan>, action: string): string | undefined;
  /** Whether only the plan is wanted: shown as a read is, and nobody is asked. */
  planOnly?(args: z.output<Args>): boolean;
  plan(args: z.output<Args>, services: ReadServices): Promise<z.output<Plan>>;
  card(plan: z.output<Plan>): Card;
  run(plan: z.output<Plan>, services: ChangeServices): Promise<Answer>;
}

export type Command = ReadCommand | RoutineCommand | DestructiveCommand;

/**
 * Declares a command. The compiler holds the rules: a destructive command needs a plan, a read command cannot reach
 * a service that changes something.
 */
export function defineCommand<Args extends z.ZodObject>(command: ReadCommand<Args>): ReadCommand<Args>;
export function defineCommand<Args extends z.ZodObject>(command: RoutineCommand<Args>): RoutineCommand<Args>;
export function defineCommand<Args extends z.ZodObject, Plan extends z.ZodType>(
  command: DestructiveCommand<Args, Plan>,
): DestructiveCommand<Args, Plan>;
export function defineCommand(command: unknown): unknown {
  return command;
}
