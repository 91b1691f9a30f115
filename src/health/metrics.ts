import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { within } from './within.ts';

/** What is looked up when Prometheus asks. Each may fail or hang: then its value is NaN, and the others are still told. */
export interface Readings {
  /** Requests that wait for approval. */
  readonly waitingRequests: () => Promise<number>;
  /** Age of the oldest event that has not reached the audit channel, seconds; 0 when all have. */
  readonly auditBacklogSeconds: () => Promise<number>;
  /** Actions that run in this process. */
  readonly runningJobs: () => number;
  readonly slackConnected: () => boolean;
  /** By name, a question that a target answers when it is up. */
  readonly targets: ReadonlyMap<string, () => Promise<unknown>>;
}

/** How one action ended. */
export interface Ended {
  readonly command: string;
  /** The action's last state: `succeeded`, `failed`, `denied`, … */
  readonly outcome: string;
  /** How long it ran; `undefined` when it never did. */
  readonly seconds: number | undefined;
}

/** Longer than this nothing is waited for; Prometheus gives up after ten seconds by default. Milliseconds. */
const patience = 2_000;

/**
 * Metrics for Prometheus. Labels are names of commands, outcomes and targets alone: a person's name or a query's text
 * would be personal data in a system that forgets nothing, and a series for each value.
 */
export class Metrics {
  readonly #registry = new Registry();
  readonly #commands: Counter<'command' | 'outcome'>;
  readonly #durations: Histogram<'command'>;
  readonly #acknowledgements: Histogram;

  constructor() {
    const registers = [this.#registry];
    this.#commands = new Counter({
      name: 'pg_chatops_commands_total',
      help: 'Actions that ended, by command and outcome.',
      labelNames: ['command', 'outcome'],
      registers,
    });
    this.#durations = new Histogram({
      name: 'pg_chatops_command_duration_seconds',
      help: 'How long actions ran.',
      labelNames: ['command'],
      buckets: [0.01, 0.05, 0.1, 0.5, 1, 3, 10, 60, 300, 1800],
      registers,
    });
    this.#acknowledgements = new Histogram({
      name: 'pg_chatops_acknowledgement_seconds',
      help: 'From the arrival of an envelope to its acknowledgement; Slack allows three seconds.',
      buckets: [0.001, 0.01, 0.05, 0.1, 0.5, 1, 3],
      registers,
    });
  }

  ended({ command, outcome, seconds }: Ended): void {
    this.#commands.inc({ command, outcome });
    if (seconds !== undefined) this.#durations.observe({ command }, seconds);
  }

  acknowledged(milliseconds: number): void {
    this.#acknowledgements.observe(milliseconds / 1_000);
  }

  /** Registers what is looked up, the process itself included; once. */
  watch(readings: Readings): void {
    collectDefaultMetrics({ register: this.#registry });
    this.#gauge('pg_chatops_waiting_requests', 'Requests that wait for approval.', readings.waitingRequests);
    this.#gauge(
      'pg_chatops_audit_backlog_seconds',
      'Age of the oldest event that has not reached the audit channel.',
      readings.auditBacklogSeconds,
    );
    this.#gauge('pg_chatops_running_jobs', 'Actions that run in this process.', async () => readings.runningJobs());
    this.#gauge('pg_chatops_slack_connected', 'Whether envelopes arrive from Slack.', async () =>
      Number(readings.slackConnected()),
    );
    const { targets } = readings;
    new Gauge({
      name: 'pg_chatops_target_up',
      help: 'Whether the target answered a question.',
      labelNames: ['target'],
      registers: [this.#registry],
      async collect() {
        await Promise.all(
          [...targets].map(async ([target, question]) => {
            const answered = await within(patience, question).then(
              () => 1,
              () => 0,
            );
            this.set({ target }, answered);
          }),
        );
      },
    });
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** Everything in Prometheus' text format. */
  expose(): Promise<string> {
    return this.#registry.metrics();
  }

  #gauge(name: string, help: string, read: () => Promise<number>): void {
    new Gauge({
      name,
      help,
      registers: [this.#registry],
      async collect() {
        this.set(await within(patience, read).catch(() => Number.NaN));
      },
    });
  }
}
