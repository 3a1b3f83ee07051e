'use strict';
// Which charts there are: their curves, colours and units.
const specs = (() => {
  const L = () => view.lane;
  const line = (label, key, color, more) => ({ label, values: L()[key], color, ...more });
  const has = (key) => L()[key].some((value) => value !== null);
  // One curve of the host, or one for each shard's.
  const hosts = (lane, key, alone) =>
    lane.shards.length
      ? lane.shards.map((one) => ({ label: `host of shard ${one.shard}`, values: one.host[key], color: one.color, dash: one.dash }))
      : [{ values: lane.host[key], ...alone }];
  let planned = true,
    failures = false;

  const clients = () =>
    charts.time({
      id: 'clients',
      title: 'Clients',
      unit: 'clients at the end of each interval',
      format: show.count,
      whole: true,
      numbered: true,
      atEnd: true,
      parts: () => [
        line('open', 'open', '--accent', { width: 2, fill: true }),
        line('wanted', 'wanted', '--soft', { dash: true }),
        line('connecting', 'connecting', '--c2', { width: 1.2, rare: true }),
        line('waiting', 'waiting', '--c5', { width: 1.2, rare: true }),
      ],
    });
  const drops = () =>
    charts.time({
      id: 'drops',
      title: 'Drops and reconnects',
      unit: 'connections',
      format: show.count,
      bars: true,
      low: true,
      whole: true,
      suggestedMax: 4,
      parts: () => [line('drops', 'drops', '--bad'), line('reconnects', 'reconnects', '--accent-2')],
    });
  const response = () =>
    charts.time({
      id: 'response',
      title: 'Latency over time',
      unit: 'percentiles of each interval',
      format: show.us,
      log: true,
      logOn: true,
      bands: true,
      tools: [
        {
          label: 'Service instead of response',
          get: () => !planned,
          set: (on) => {
            planned = !on;
          },
        },
      ],
      parts: () =>
        planned
          ? [
              line('p50', 'response_p50_us', '--accent-2', { width: 1.6, dash: true }),
              line('p90', 'response_p90_us', '--accent-2', { width: 2 }),
              line('p99', 'response_p99_us', '--accent', { width: 2.2 }),
              line('max', 'response_max_us', '--quiet', { width: 1, upper: true }),
            ]
          : [
              line('service p50', 'service_p50_us', '--accent-2', { width: 1.6 }),
              line('service p99', 'service_p99_us', '--accent', { width: 2.2 }),
              line('response p99', 'response_p99_us', '--quiet', { dash: true }),
            ],
    });
  const reasons = () =>
    charts.time({
      id: 'endings',
      title: 'Endings by reason',
      unit: 'connections',
      format: show.count,
      bars: true,
      stacked: true,
      low: true,
      whole: true,
      suggestedMax: 4,
      tools: [
        {
          label: 'With failed attempts',
          get: () => failures,
          set: (on) => {
            failures = on;
          },
        },
      ],
      parts: (lane) => lane.endings(!failures),
    });
  const rates = () =>
    charts.time({
      id: 'messages',
      title: 'Messages',
      unit: 'a second',
      format: show.rate,
      low: true,
      bands: true,
      parts: (lane) =>
        [
          { label: 'sent', values: lane.perSecond('sent'), color: '--accent' },
          { label: 'replied', values: lane.perSecond('replied'), color: '--c3', dash: true },
          { label: 'lost', values: lane.perSecond('lost'), color: '--bad', rare: true, upper: true },
          { label: 'incoming', values: lane.perSecond('incoming'), color: '--c5', pushed: true },
          { label: 'pushed numbers left out', values: lane.perSecond('incoming_skipped'), color: '--c2', rare: true, upper: true, pushed: true },
          { label: 'silences begun', values: lane.perSecond('incoming_silences'), color: '--quiet', rare: true, upper: true, pushed: true },
        ].filter((part) => !part.pushed || part.values.some((value) => value > 0)),
    });
  const network = () =>
    charts.time({
      id: 'network',
      title: 'Network beside server',
      unit: 'round trip of the kernel, and the whole service time',
      format: show.us,
      log: true,
      logOn: true,
      bands: true,
      parts: () => [
        line('TCP round trip p50', 'rtt_p50_us', '--c3'),
        line('TCP round trip p99', 'rtt_p99_us', '--c3', { dash: true }),
        line('service p50', 'service_p50_us', '--accent-2'),
        line('service p99', 'service_p99_us', '--accent', { dash: true }),
      ],
    });
  const cpu = () =>
    charts.time({
      id: 'cpu',
      title: 'CPU',
      unit: 'percent',
      format: show.percent,
      axis: (v) => `${v} %`,
      low: true,
      bands: true,
      suggestedMax: 100,
      parts: (lane) => [
        { label: 'busiest worker, of one core', values: lane.tester.cpu_busiest_percent, color: '--accent' },
        ...hosts(lane, 'cpu_percent', { label: 'whole host', color: '--quiet', dash: true }),
        ...(lane.shards.length ? [] : [{ label: 'stolen', values: lane.host.steal_percent, color: '--c2', off: true }]),
      ],
    });
  const lag = () =>
    charts.time({
      id: 'lag',
      title: 'How late the tester was',
      unit: 'most of each interval',
      format: show.us,
      log: true,
      logOn: false,
      low: true,
      bands: true,
      parts: (lane) => [
        { label: 'event loop', values: lane.tester.loop_lag_max_us, color: '--c2', upper: true },
        { label: 'messages left, p99', values: lane.send_lateness_p99_us, color: '--accent', upper: true },
      ],
    });
  const memory = () =>
    charts.time({
      id: 'memory',
      title: 'Memory',
      unit: 'resident, all workers together',
      format: show.bytes,
      low: true,
      binary: true,
      parts: (lane) => [{ label: 'memory', values: lane.tester.rss_bytes, color: '--accent' }],
    });
  const sockets = () =>
    charts.time({
      id: 'sockets',
      title: 'TCP sockets',
      unit: 'of the whole host, at the end of each interval',
      format: show.count,
      low: true,
      whole: true,
      parts: (lane) => [
        ...hosts(lane, 'tcp_in_use', { label: 'in use', color: '--accent' }),
        ...(lane.shards.length ? [] : [{ label: 'in TIME_WAIT', values: lane.host.tcp_time_wait, color: '--c2', dash: true }]),
      ],
    });
  const retransmits = () =>
    charts.time({
      id: 'retransmits',
      title: 'Retransmitted segments',
      unit: 'of the whole host',
      format: show.count,
      bars: true,
      low: true,
      whole: true,
      suggestedMax: 4,
      parts: (lane) => hosts(lane, 'tcp_retransmits', { label: 'segments sent again', color: '--c2' }),
    });
  const distribution = (model) =>
    percentiles.make({
      id: 'distribution',
      title: 'Latency by percentile',
      unit: 'each further nine has the same room',
      curves: () =>
        [
          ['response', 'response', '--accent'],
          ['service', 'service', '--accent-2', true],
          ['ping', 'ping', '--c3', true],
          ['TCP round trip', 'rtt', '--c5', true],
        ]
          .filter(([, key]) => L().totals.latency[key].count > 0)
          .map(([label, key, color, dash]) => ({
            label,
            color,
            dash,
            count: L().totals.latency[key].count,
            points: L().totals.latency[key].curve,
          })),
      table: () => tables.latencies(model(), L(), tables.others, 'Latency by percentile'),
    });

  // One chart for each value of the server; a counter is drawn as its rate.
  const server = (model) =>
    model.server.values.map((row, i) =>
      charts.time({
        id: `server-${i}`,
        title: about.serverName(row),
        unit: row.counter
          ? row.unit === 'us'
            ? 'percent of one core'
            : 'a second'
          : 'at the end of each interval',
        format: row.counter
          ? row.unit === 'us'
            ? (v) => show.percent(v / 1e4)
            : show.rate
          : row.unit === 'bytes'
            ? show.bytes
            : show.count,
        low: true,
        binary: row.unit === 'bytes',
        parts: (lane) => [
          { label: about.serverName(row), values: lane.server[`${row.source} ${row.name}`] || [], color: '--accent' },
        ],
      }),
    );

  return { has, server, clients, drops, response, distribution, reasons, rates, network, cpu, lag, memory, sockets, retransmits };
})();
