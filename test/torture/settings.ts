/** How the simulated bot is configured. */
import type { ActionTarget } from '../../src/actions/context.ts';
import { thresholdsSchema } from '../../src/target-settings.ts';
import { approverGroup, operatorGroup } from './people.ts';

/** Two targets: one with defaults, one that asks for more, and whose operators may break the glass. */
export const targets: ReadonlyMap<string, ActionTarget> = new Map(
  [
    target('portal', { operators: undefined, approvals: { default: 1 }, approvalChannel: undefined }, []),
    target(
      'vault',
      { operators: [operatorGroup], approvals: { default: 2 }, approvalChannel: 'CAPPROVALS', breakGlass: true },
      ['save'],
    ),
  ].map(made => [made.settings.name, made]),
);

/** How long a request waits for approval, milliseconds: short, so that clicks are often late. */
export const approvalMilliseconds = 25_000;

type Access = ActionTarget['access'];

function target(
  name: string,
  access: Pick<Access, 'operators' | 'approvals' | 'approvalChannel'> & Partial<Access>,
  approvalFor: readonly string[],
): ActionTarget {
  return {
    settings: {
      name,
      thresholds: thresholdsSchema.parse({}),
      checks: [],
      allowOtherDatabases: false,
      redactQueries: false,
      backups: {
        timeZone: 'UTC',
        retention: { days: 30, daily: 0, weekly: 0, monthly: 0, atLeast: 3 },
        hashTables: [],
      },
    },
    access: {
      name,
      approvers: [approverGroup],
      channels: undefined,
      viewers: undefined,
      approversFromOtherGroups: false,
      breakGlass: false,
      ...access,
    },
    approvalFor: new Set(approvalFor),
  };
}
