-- The run file of longhaul, schema version 1. README.md beside this file describes every table with example queries.
--
-- Times: *_ns are nanoseconds since the start of the run (run.start_ns, the monotonic clock, is already taken off); *_us are
-- microseconds; *_wall_us are microseconds since 1970 UTC. Views give UTC as text and seconds as numbers.
-- At "columns of TABLE" schema.c puts the columns of the lists that the program itself uses; a run file's own schema shows
-- them, and table `glossary` says what each one means.

CREATE TABLE meta (
  key   TEXT PRIMARY KEY, -- schema_version, longhaul_version
  value TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE glossary (
  table_name TEXT NOT NULL,
  name       TEXT NOT NULL, -- column, or histograms.name
  sort       TEXT NOT NULL, -- counter: added in the interval; gauge: at its end, or its largest; histogram; since boot
  help       TEXT NOT NULL,
  PRIMARY KEY (table_name, name)
) WITHOUT ROWID;

-- One row.
CREATE TABLE run (
  id               TEXT NOT NULL,    -- 16 hex digits, the same for all shards
  name             TEXT NOT NULL,
  version          TEXT NOT NULL,    -- of longhaul
  command_line     TEXT NOT NULL,
  config           TEXT NOT NULL,    -- the config in effect as YAML, secrets masked
  shard            INTEGER NOT NULL, -- from 1
  shards           INTEGER NOT NULL,
  workers          INTEGER NOT NULL,
  seed             INTEGER NOT NULL, -- 64 bits; seeds of 2^63 and more show as negative
  duration_ns      INTEGER NOT NULL, -- planned
  interval_ns      INTEGER NOT NULL,
  warmup_ns        INTEGER NOT NULL,
  connect_rate     REAL NOT NULL,    -- most connection attempts a second across the run; 0: no cap
  process          TEXT NOT NULL,    -- who writes the file: boot id, pid namespace, pid, its start in ticks since boot
  start_ns         INTEGER NOT NULL, -- monotonic clock of the host
  start_wall_us    INTEGER NOT NULL,
  end_ns           INTEGER,          -- NULL while the run goes on, and after a crash
  end_wall_us      INTEGER,
  how              TEXT,             -- complete, interrupted, aborted, failed; NULL like end_ns
  endings_left_out INTEGER NOT NULL DEFAULT 0, -- endings without a row, past the cap run.endings_max; tallies have them
  events_left_out  INTEGER NOT NULL DEFAULT 0
);

CREATE TABLE groups (
  group_no    INTEGER PRIMARY KEY, -- from 0, in the order of the config
  name        TEXT NOT NULL,
  kind        TEXT NOT NULL,
  target      TEXT NOT NULL,
  url         TEXT NOT NULL,
  connections INTEGER NOT NULL,
  tls         INTEGER NOT NULL,    -- 1: the target is reached over TLS
  tls_verify  INTEGER NOT NULL,    -- 0: certificates are not checked
  mass_drop   INTEGER NOT NULL,    -- drops within a second that are a mass drop
  reconnect   INTEGER NOT NULL,    -- 1: clients come back after a drop, by the policy of the next columns
  reconnect_first_ns INTEGER NOT NULL,
  reconnect_max_ns   INTEGER NOT NULL,
  reconnect_factor   REAL NOT NULL,
  reconnect_jitter   TEXT NOT NULL, -- none, equal, full
  incoming    TEXT                  -- what is checked of pushes, in words; NULL: nothing
);

-- One row for each interval and group: tallies_folded and every counter and gauge.
CREATE TABLE intervals (
  k        INTEGER NOT NULL, -- covers [k, k + 1) * run.interval_ns
  group_no INTEGER NOT NULL,
  tallies_folded INTEGER NOT NULL DEFAULT 0 -- endings whose text or code is not kept in tallies: too many kinds
  -- columns of intervals
  , PRIMARY KEY (k, group_no)
) WITHOUT ROWID;

-- Connections by ticks of at most a second (an interval in the fewest equal parts that are no longer), for storms. Only
-- ticks in which something was counted or a gauge changed.
CREATE TABLE seconds (
  from_ns  INTEGER NOT NULL, -- begin of the tick
  group_no INTEGER NOT NULL
  -- columns of seconds
  , PRIMARY KEY (from_ns, group_no)
) WITHOUT ROWID;

-- Only histograms in which something was recorded.
CREATE TABLE histograms (
  k        INTEGER NOT NULL,
  group_no INTEGER NOT NULL,
  name     TEXT NOT NULL,    -- glossary has the list
  count    INTEGER NOT NULL, -- overflow included
  overflow INTEGER NOT NULL, -- values above an hour, not in the payload
  lost     INTEGER NOT NULL, -- values that found no memory: a fault of the tester
  min_us   INTEGER NOT NULL,
  max_us   INTEGER NOT NULL,
  sum_us   REAL NOT NULL,
  p50_us   INTEGER NOT NULL,
  p90_us   INTEGER NOT NULL,
  p99_us   INTEGER NOT NULL,
  p999_us  INTEGER NOT NULL,
  payload  BLOB NOT NULL     -- HdrHistogram V2, compressed, in microseconds
);
CREATE UNIQUE INDEX histograms_at ON histograms (k, group_no, name);

CREATE TABLE reasons (
  reason_id INTEGER PRIMARY KEY,
  stage     TEXT NOT NULL,
  side      TEXT NOT NULL,
  reason    TEXT NOT NULL,
  is_drop   INTEGER NOT NULL, -- 1: an open connection that ended without the plan asking for it
  UNIQUE (stage, reason)
);

-- Every ending, counted by kind in each interval and group. No cap.
CREATE TABLE tallies (
  k         INTEGER NOT NULL,
  group_no  INTEGER NOT NULL,
  reason_id INTEGER NOT NULL REFERENCES reasons,
  code      INTEGER NOT NULL, -- close code, HTTP status, errno or X.509 result; 0: none
  text      TEXT NOT NULL,    -- as the peer gave it
  count     INTEGER NOT NULL,
  first_ns  INTEGER NOT NULL,
  last_ns   INTEGER NOT NULL
);
CREATE INDEX tallies_at ON tallies (k, group_no);

-- One row for each ending, up to run.endings_max of the config.
CREATE TABLE endings (
  at_ns      INTEGER NOT NULL,
  group_no   INTEGER NOT NULL,
  client     INTEGER NOT NULL, -- within the group, over all shards
  nth        INTEGER NOT NULL, -- 1: the client's first connection
  reason_id  INTEGER NOT NULL REFERENCES reasons,
  code       INTEGER NOT NULL,
  text       TEXT NOT NULL,
  started_ns INTEGER NOT NULL, -- when the connection was begun
  open_ns    INTEGER NOT NULL, -- how long it was open; 0: never
  idle_ns    INTEGER NOT NULL, -- since the last byte received
  local_port INTEGER NOT NULL, -- 0: not known
  count      INTEGER NOT NULL  -- endings that the row stands for, mostly 1
);
CREATE INDEX endings_at ON endings (at_ns);

CREATE TABLE events (
  at_ns    INTEGER NOT NULL,
  kind     TEXT NOT NULL,
  group_no INTEGER,         -- NULL: the whole run
  text     TEXT NOT NULL,
  details  TEXT             -- a JSON object, or NULL
);
CREATE INDEX events_at ON events (at_ns);

-- How each worker process fared. After a worker was replaced, both have rows.
CREATE TABLE workers (
  k      INTEGER NOT NULL,
  worker INTEGER NOT NULL
  -- columns of workers
);
CREATE INDEX workers_at ON workers (k, worker);

-- Samples of the host, at the end of the interval.
CREATE TABLE host (
  k     INTEGER NOT NULL,
  shard INTEGER NOT NULL -- whose host it is
  -- columns of host
);
CREATE INDEX host_at ON host (k);

-- What the config's `watch` names, and the supervisor's own process; sampled each interval, before the first client (at_ns
-- is negative) and after the last one (at_ns is past run.end_ns).
CREATE TABLE watched (
  at_ns  INTEGER NOT NULL,
  shard  INTEGER NOT NULL, -- who looked
  source TEXT NOT NULL, -- process: all processes of watch together; metrics: the server's own; supervisor
  name   TEXT NOT NULL, -- processes, descriptors, rss_bytes, threads, cpu_us; or a metric's
  value  REAL NOT NULL
);
CREATE INDEX watched_at ON watched (at_ns);

-- How often each client has sent each message that has a `count`, for `longhaul resume`. One row, or none without such messages.
CREATE TABLE counted (
  id    INTEGER PRIMARY KEY, -- 1
  cells INTEGER NOT NULL,    -- numbers in sent: for each group with a count, client by client, one for each message
  sent  BLOB NOT NULL        -- each in 7 bits a byte, the lowest first; the high bit: more of it follows (LEB128)
);

-- Limits and properties of the host at the start.
CREATE TABLE facts (
  shard  INTEGER NOT NULL, -- whose host it is
  name   TEXT NOT NULL,
  source TEXT NOT NULL,
  value  TEXT NOT NULL -- "unreadable: REASON" when it could not be read
);

-- What the host let this plan hold, limit by limit, at the start (`longhaul doctor CONFIG`).
CREATE TABLE ladder (
  shard     INTEGER NOT NULL,    -- whose host it is
  rung      INTEGER NOT NULL,    -- 0 binds first
  name      TEXT NOT NULL,
  value     TEXT NOT NULL,       -- as it stood
  detail    TEXT NOT NULL,       -- how the value becomes clients
  clients   INTEGER,             -- that it allows; NULL: any number
  soft      INTEGER NOT NULL,    -- 1: past it a plan is slowed down, not refused
  estimated INTEGER NOT NULL,    -- 1: rests on measured memory or processor time
  remedy    TEXT NOT NULL,       -- the first way to raise it
  PRIMARY KEY (shard, rung)
);

-- Only in a file that `longhaul merge` made of shards: one row for each, with how its clients fared over its whole run.
CREATE TABLE shards (
  shard         INTEGER PRIMARY KEY, -- from 1
  first_worker  INTEGER NOT NULL,    -- its rows of table workers: first_worker to first_worker + workers - 1
  workers       INTEGER NOT NULL,
  version       TEXT NOT NULL,       -- of longhaul
  how           TEXT,                -- as in table run
  clients       INTEGER NOT NULL,    -- planned
  start_wall_us INTEGER NOT NULL,
  length_ns     INTEGER NOT NULL
  -- columns of shards
);

CREATE TABLE findings (
  id         TEXT NOT NULL, -- mass-drop, outage, ...
  severity   TEXT NOT NULL, -- info, notice, serious
  confidence REAL NOT NULL, -- 0..1
  group_no   INTEGER,       -- NULL: the whole run
  from_ns    INTEGER NOT NULL,
  until_ns   INTEGER NOT NULL,
  sentence   TEXT NOT NULL,
  evidence   TEXT
);

-- Views.

-- The course of the run, one row for each interval and group.
CREATE VIEW v_timeline AS
SELECT i.k, strftime('%Y-%m-%dT%H:%M:%fZ', run.start_wall_us / 1e6 + i.k * run.interval_ns / 1e9, 'unixepoch') AS utc,
       i.k * run.interval_ns / 1e9 AS t_s, g.name AS group_name,
       i.wanted, i.open, i.connecting, i.waiting, i.opened, i.drops, i.tester_drops, i.reconnects, i.connect_failures,
       round(100.0 * i.open_us / nullif(i.wanted_us, 0), 4) AS availability_percent,
       i.messages_planned, i.messages_sent, i.replied, i.late, i.lost, i.bytes_sent, i.bytes_received,
       h.count AS responses, h.p50_us AS response_p50_us, h.p99_us AS response_p99_us, h.max_us AS response_max_us
FROM intervals i
JOIN run
JOIN groups g USING (group_no)
LEFT JOIN histograms h ON h.k = i.k AND h.group_no = i.group_no AND h.name = 'response';

-- Storms second by second.
CREATE VIEW v_seconds AS
SELECT strftime('%Y-%m-%dT%H:%M:%fZ', run.start_wall_us / 1e6 + s.from_ns / 1e9, 'unixepoch') AS utc, s.from_ns / 1e9 AS t_s,
       g.name AS group_name, s.attempts, s.opened, s.failed, s.drops, s.retry_afters, s.open, s.queued
FROM seconds s JOIN run JOIN groups g USING (group_no);

-- Histograms with group names and times.
CREATE VIEW v_latency AS
SELECT h.k, strftime('%Y-%m-%dT%H:%M:%fZ', run.start_wall_us / 1e6 + h.k * run.interval_ns / 1e9, 'unixepoch') AS utc,
       h.k * run.interval_ns / 1e9 AS t_s, g.name AS group_name, h.name, h.count, h.overflow, h.sum_us / h.count AS mean_us,
       h.min_us, h.p50_us, h.p90_us, h.p99_us, h.p999_us, h.max_us
FROM histograms h JOIN run JOIN groups g USING (group_no);

-- Every ending that has a row, in words.
CREATE VIEW v_endings AS
SELECT strftime('%Y-%m-%dT%H:%M:%fZ', run.start_wall_us / 1e6 + e.at_ns / 1e9, 'unixepoch') AS utc, e.at_ns / 1e9 AS t_s,
       g.name AS group_name, e.client, e.nth, r.stage, r.side, r.reason, r.is_drop, e.code, e.text, e.open_ns / 1e9 AS open_s,
       e.idle_ns / 1e9 AS idle_s, e.local_port, e.count
FROM endings e JOIN run JOIN groups g USING (group_no) JOIN reasons r USING (reason_id);

-- How many endings of each kind, over the whole run; complete whatever the cap of `endings`.
CREATE VIEW v_reasons AS
SELECT g.name AS group_name, r.stage, r.side, r.reason, r.is_drop, t.code, t.text, sum(t.count) AS count,
       strftime('%Y-%m-%dT%H:%M:%fZ', run.start_wall_us / 1e6 + min(t.first_ns) / 1e9, 'unixepoch') AS first_utc,
       strftime('%Y-%m-%dT%H:%M:%fZ', run.start_wall_us / 1e6 + max(t.last_ns) / 1e9, 'unixepoch') AS last_utc
FROM tallies t JOIN run JOIN groups g USING (group_no) JOIN reasons r USING (reason_id)
GROUP BY t.group_no, t.reason_id, t.code, t.text;

CREATE VIEW v_events AS
SELECT strftime('%Y-%m-%dT%H:%M:%fZ', run.start_wall_us / 1e6 + e.at_ns / 1e9, 'unixepoch') AS utc, e.at_ns / 1e9 AS t_s,
       e.kind, g.name AS group_name, e.text, e.details
FROM events e JOIN run LEFT JOIN groups g USING (group_no);

CREATE VIEW v_watched AS
SELECT strftime('%Y-%m-%dT%H:%M:%fZ', run.start_wall_us / 1e6 + w.at_ns / 1e9, 'unixepoch') AS utc, w.at_ns / 1e9 AS t_s,
       w.shard, w.source, w.name, w.value
FROM watched w JOIN run;

-- Workers: processor share of one core and worst loop lag.
CREATE VIEW v_workers AS
SELECT w.k, strftime('%Y-%m-%dT%H:%M:%fZ', run.start_wall_us / 1e6 + w.until_ns / 1e9, 'unixepoch') AS utc,
       w.until_ns / 1e9 AS t_s, w.worker, w.clients, w.descriptors,
       round(100000.0 * (w.cpu_user_us + w.cpu_system_us) / nullif(w.until_ns - w.from_ns, 0), 2) AS cpu_percent,
       w.loop_lag_max_us, w.rss_bytes, w.engine_bytes
FROM workers w JOIN run;

-- The host, counters since boot turned into what was added since the sample before.
CREATE VIEW v_host AS
SELECT h.k, strftime('%Y-%m-%dT%H:%M:%fZ', run.start_wall_us / 1e6 + (h.k + 1) * run.interval_ns / 1e9, 'unixepoch') AS utc,
       (h.k + 1) * run.interval_ns / 1e9 AS t_s, h.shard,
       round(100.0 * (cpu_busy_us - lag(cpu_busy_us) OVER t) / nullif(cpu_total_us - lag(cpu_total_us) OVER t, 0), 2)
         AS cpu_percent,
       round(100.0 * (cpu_steal_us - lag(cpu_steal_us) OVER t) / nullif(cpu_total_us - lag(cpu_total_us) OVER t, 0), 2)
         AS steal_percent,
       mem_available_bytes, mem_total_bytes, sockets_used, tcp_in_use, tcp_time_wait, tcp_mem_pages, files_open,
       tcp_retransmits - lag(tcp_retransmits) OVER t AS tcp_retransmits,
       tcp_out_segments - lag(tcp_out_segments) OVER t AS tcp_out_segments,
       tcp_listen_drops - lag(tcp_listen_drops) OVER t AS tcp_listen_drops,
       net_bytes_in - lag(net_bytes_in) OVER t AS net_bytes_in,
       net_bytes_out - lag(net_bytes_out) OVER t AS net_bytes_out,
       net_drops - lag(net_drops) OVER t AS net_drops,
       context_switches - lag(context_switches) OVER t AS context_switches,
       tcp_established, tcp_orphans, tcp_syn_sent, tcp_syn_received, tcp_fin_wait, tcp_close_wait, tcp_closing,
       slab_bytes, conntrack_entries
FROM host h JOIN run
WINDOW t AS (PARTITION BY h.shard ORDER BY h.k);
