/** What is asked elsewhere for the answer that a page gives. */
export interface Others {
  /** The runbook's own lines. */
  readonly runbook: readonly string[];
  /**
   * What PgHero 4.0.1 asks PostgreSQL for its page on the same, put into words of our own from the columns and conditions
   * that it documents. What it then does in Ruby is not counted, nor that it reads each sequence. https://github.com/ankane/pghero
   */
  readonly pghero: readonly string[];
}

const nothing: Others = { runbook: [], pghero: [] };

/** By the command's name. A page that nobody else has is beside nothing. */
export const others: Readonly<Record<string, Others>> = {
  status: nothing,
  connections: {
    runbook: [
      'SELECT COUNT(*) as connections FROM pg_stat_activity',
      'SELECT state, COUNT(*) FROM pg_stat_activity GROUP BY state',
      'SELECT application_name, COUNT(*) FROM pg_stat_activity GROUP BY application_name',
    ],
    pghero: [
      `select datname, usename, application_name, client_addr, count(*) from pg_stat_activity
       where pid <> pg_backend_pid() group by 1, 2, 3, 4 order by 5 desc, 1, 2, 3`,
    ],
  },
  queries: {
    runbook: [
      `SELECT pid, now() - pg_stat_activity.query_start AS duration, query FROM pg_stat_activity
       WHERE state = 'active' AND now() - pg_stat_activity.query_start > interval '5 minutes'`,
    ],
    pghero: [
      `select pid, state, application_name, wait_event is not null as waiting, query, usename, backend_type,
              now() - coalesce(query_start, xact_start) as duration
       from pg_stat_activity
       where state <> 'idle' and pid <> pg_backend_pid() and datname = current_database()
       order by coalesce(query_start, xact_start) desc`,
    ],
  },
  locks: {
    runbook: [
      `SELECT pg_locks.pid, pg_stat_activity.query, pg_locks.mode, pg_locks.granted
       FROM pg_locks JOIN pg_stat_activity ON pg_locks.pid = pg_stat_activity.pid WHERE NOT pg_locks.granted`,
    ],
    pghero: [
      `select coalesce(held.relation::regclass::text, held.locktype) as item, victim.pid, victim.usename, victim.query,
              now() - victim.query_start as waits, wanted.mode, holder.pid, holder.usename, holder.state, holder.query,
              now() - holder.query_start as works, held.mode
       from pg_locks wanted
       left join pg_stat_activity victim on victim.pid = wanted.pid
       left join pg_locks held on held.pid <> wanted.pid
         and (held.transactionid = wanted.transactionid or held.relation = wanted.relation and held.locktype = wanted.locktype)
       left join pg_stat_activity holder on holder.pid = held.pid and holder.datid = victim.datid
       where not wanted.granted and victim.datname = current_database() order by waits desc`,
    ],
  },
  slow: {
    runbook: ['SELECT query, calls, mean_time, total_time FROM pg_stat_statements ORDER BY mean_time DESC LIMIT 10'],
    pghero: [
      `select left(s.query, 10000), s.queryid, r.rolname, s.total_plan_time + s.total_exec_time as total, s.calls,
              s.total_exec_time / s.calls as mean, sum(s.total_exec_time) over () as of_all
       from pg_stat_statements s join pg_database d on d.oid = s.dbid join pg_roles r on r.oid = s.userid
       where d.datname = current_database() and s.calls > 0 order by total desc limit 100`,
    ],
  },
  size: {
    runbook: [
      'SELECT pg_size_pretty(pg_database_size(current_database()))',
      `SELECT tablename, pg_size_pretty(pg_total_relation_size(schemaname || '.' || tablename)) as total_size
       FROM pg_tables WHERE schemaname = 'public'
       ORDER BY pg_total_relation_size(schemaname || '.' || tablename) DESC`,
    ],
    pghero: [
      'select pg_database_size(current_database())',
      `select n.nspname, c.relname, c.relkind, i.inhparent, pg_table_size(c.oid) as bytes
       from pg_class c left join pg_namespace n on n.oid = c.relnamespace left join pg_inherits i on i.inhrelid = c.oid
       where n.nspname not in ('pg_catalog', 'information_schema') and n.nspname !~ '^pg_toast'
         and c.relkind in ('r', 'm', 'i') order by bytes desc, 2`,
    ],
  },
  indexes: {
    runbook: [
      'SELECT schemaname, tablename, indexname, idx_scan, idx_tup_read FROM pg_stat_user_indexes ORDER BY idx_scan DESC',
    ],
    pghero: [
      `select u.schemaname, u.relname, u.indexrelname, pg_relation_size(x.indexrelid) as bytes, u.idx_scan
       from pg_stat_user_indexes u join pg_index x on x.indexrelid = u.indexrelid
       where not x.indisunique and u.idx_scan <= 50 order by bytes desc, 2`,
      `select n.nspname, t.relname, i.relname, pg_get_indexdef(i.oid), am.amname, x.indisunique, x.indisprimary,
              x.indisvalid, x.indexprs::text, x.indpred::text
       from pg_index x join pg_class t on t.oid = x.indrelid join pg_namespace n on n.oid = t.relnamespace
       join pg_class i on i.oid = x.indexrelid join pg_am am on am.oid = i.relam
       where n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast') order by 1, 2`,
    ],
  },
  bloat: {
    runbook: [
      `SELECT schemaname, tablename, pg_size_pretty(pg_relation_size(schemaname || '.' || tablename)) as size,
         n_dead_tup as dead_rows, n_live_tup as live_rows,
         ROUND(100.0 * n_dead_tup / NULLIF(n_live_tup + n_dead_tup, 0), 2) as dead_pct
       FROM pg_stat_user_tables ORDER BY n_dead_tup DESC`,
    ],
    pghero: [
      `select n.nspname, t.relname, i.relname, i.relpages,
              ceil(i.reltuples * (12 + sum((1 - s.null_frac) * s.avg_width)) / (8192 * 0.9)) as needed
       from pg_index x join pg_class i on i.oid = x.indexrelid join pg_class t on t.oid = x.indrelid
       join pg_namespace n on n.oid = t.relnamespace join pg_am am on am.oid = i.relam
       join pg_attribute a on a.attrelid = t.oid and a.attnum = any (x.indkey)
       join pg_stats s on s.schemaname = n.nspname and s.tablename = t.relname and s.attname = a.attname
       where am.amname = 'btree' and i.relpages > 0 and n.nspname not in ('pg_catalog', 'information_schema')
       group by 1, 2, 3, 4, i.reltuples order by i.relpages desc`,
    ],
  },
  pool: nothing,
  replication: {
    runbook: [],
    pghero: [
      'select * from pg_stat_replication',
      'select slot_name, database, active, restart_lsn from pg_replication_slots order by slot_name',
    ],
  },
  disk: nothing,
  'vacuum-status': {
    runbook: [],
    pghero: [
      `select c.oid::regclass::text, 2146483648 - greatest(age(c.relfrozenxid), age(t.relfrozenxid)) as left
       from pg_class c left join pg_class t on t.oid = c.reltoastrelid
       where c.relkind in ('r', 'm') and 2146483648 - greatest(age(c.relfrozenxid), age(t.relfrozenxid)) < 10000000
       order by 2, 1`,
      `select schemaname, relname, last_vacuum, last_autovacuum, last_analyze, last_autoanalyze, n_dead_tup, n_live_tup
       from pg_stat_user_tables order by 1, 2`,
      `select n.nspname, c.relname, a.attname, format_type(a.atttypid, a.atttypmod), pg_get_expr(d.adbin, d.adrelid)
       from pg_attrdef d join pg_attribute a on a.attrelid = d.adrelid and a.attnum = d.adnum
       join pg_class c on c.oid = d.adrelid join pg_namespace n on n.oid = c.relnamespace
       where not a.attisdropped and pg_get_expr(d.adbin, d.adrelid) like 'nextval%'`,
    ],
  },
  settings: {
    runbook: [],
    pghero: [
      `select name, setting, unit from pg_settings where name in ('max_connections', 'shared_buffers', 'work_mem',
         'effective_cache_size', 'maintenance_work_mem', 'checkpoint_completion_target', 'wal_buffers', 'min_wal_size',
         'default_statistics_target', 'max_wal_size', 'random_page_cost')`,
    ],
  },
};
