import type { Check } from '../target-settings.ts';

/**
 * The checks of a target that declares none: id_mappings links a portal's users to WHMCS clients and Salesforce
 * accounts, and every row these statements return is one that breaks sign-in or shows a person somebody else's data.
 */
export const defaultChecks: readonly Check[] = [
  {
    name: 'orphans',
    title: 'Mappings without a user',
    sql: `SELECT m.*
FROM id_mappings m
LEFT JOIN users u ON u.id = m.user_id
WHERE u.id IS NULL`,
    show: ['user_id', 'whmcs_client_id', 'sf_account_id'],
    advice:
      'Find out when these users were deleted before removing their mappings; a user_id that is NULL never had one.',
  },
  duplicates('duplicate-whmcs', 'WHMCS clients mapped more than once', 'whmcs_client_id'),
  duplicates('duplicate-salesforce', 'Salesforce accounts mapped more than once', 'sf_account_id'),
];

function duplicates(name: string, title: string, column: 'whmcs_client_id' | 'sf_account_id'): Check {
  return {
    name,
    title,
    sql: `SELECT ${column}, count(*) AS mappings
FROM id_mappings
WHERE ${column} IS NOT NULL
GROUP BY ${column}
HAVING count(*) > 1
ORDER BY count(*) DESC, ${column}`,
    show: [column],
    advice: 'Look at each before deleting any: one of the mappings may be right, and its user may be gone.',
  };
}
