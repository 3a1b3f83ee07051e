'use strict';
// What a doubting reader asks for: the tester's own health, the host and its limits, the config, the words.
const about = (() => {
  const { table, longTable, fold, when } = dom;

  function tester(model) {
    const t = model.tester,
      facts = [
        [
          'Left out of the verdict',
          t.intervals_late + t.intervals_away
            ? `${show.count(t.intervals_late)} late${t.intervals_away ? ` and ${show.count(t.intervals_away)} not watched` : ''} of ${show.plural(t.intervals, 'interval', 'intervals')}`
            : 'nothing',
        ],
        ['Workers', `${show.count(t.workers)}${t.workers_lost ? `, ${show.count(t.workers_lost)} lost` : ''}`],
        [
          'CPU',
          `${show.percent(100 * (t.cpu_cores_mean || 0))} of a core on average; busiest worker ${show.percent(t.cpu_busiest_percent_max)}`,
        ],
        ['Event loop', `at most ${show.us(t.loop_lag_max_us)} late`],
        [
          'Messages left',
          t.send_lateness_p99_us === null
            ? 'none sent'
            : `${show.us(t.send_lateness_p99_us)} after their time (p99), at most ${show.us(t.send_lateness_max_us)}`,
        ],
        [
          'Memory',
          `${show.bytes(t.rss_bytes_max)}${t.rss_bytes_per_client === null ? '' : `, ${show.bytes(t.rss_bytes_per_client)} a client`}`,
        ],
        [
          'Clock',
          t.clock_steps || t.suspends
            ? `${show.plural(t.clock_steps, 'step', 'steps')}, ${show.plural(t.suspends, 'suspend', 'suspends')}`
            : 'no step, no suspend',
        ],
        [
          'Books',
          [model.totals, ...model.groups].every((item) => item.books_balance !== false)
            ? model.totals.books
            : model.groups
                .filter((item) => item.books_balance === false)
                .map((item) => `${item.name}: ${item.books}`)
                .join('; '),
        ],
      ];
    const names = {
      ending_rows: 'endings beyond the cap of rows (all are counted)',
      event_rows: 'events beyond the cap of rows',
      ending_texts_folded: 'endings whose text was folded (all are counted)',
      values_over_one_hour: 'latencies above 1 h, counted as overflow',
      values_without_memory: 'latencies that found no memory',
      sends_held_back_in_flight_full: 'sends held back, with too many messages awaiting replies',
      messages_without_memory: 'messages held back or cut short for want of memory',
      messages_truncated_for_matching: 'messages longer than what is matched',
      cookies_refused: 'cookies that a client had no room for',
    };
    const left = Object.entries(t.left_out)
      .filter(([, n]) => n > 0)
      .map(([key, n]) => `${show.count(n)} ${names[key] || key}`);
    const late = t.intervals_late
      ? `The tester was late in ${show.count(t.intervals_late)} of ${show.count(t.intervals)} intervals (${show.percent(t.late_percent)}); they are shaded on the charts and left out of the objectives.`
      : `The tester was in time in all ${show.plural(t.intervals - t.intervals_away, 'interval', 'intervals')}${t.intervals_away ? ' in which it watched' : ''}.`;
    return [
      el(
        'p',
        { class: 'about' },
        `${late} An interval counts as late when ${t.late_rules.slice(0, -1).join(', ')} or ${t.late_rules[t.late_rules.length - 1]}.`,
      ),
      el(
        'dl',
        { class: 'words' },
        [...facts, ['Beyond a limit', left.length ? left.join('; ') : 'nothing: no limit was reached']].map(([name, text]) => [
          el('dt', {}, name),
          el('dd', {}, text),
        ]),
      ),
      t.late_spans.length
        ? longTable(
            [
              ['from (UTC)', 'keep'],
              ['for', 'n'],
              ['intervals', 'n'],
              ['why', 'text'],
            ],
            t.late_spans.map((span) => [
              when(span.at),
              show.seconds(span.until_s - span.from_s),
              show.count(span.intervals),
              span.why.join('; '),
            ]),
            { caption: 'Intervals in which the tester was late', most: 10 },
          )
        : null,
    ];
  }

  const serverWords = { rss_bytes: 'Memory', cpu_us: 'Processor time', descriptors: 'Descriptors', threads: 'Threads', processes: 'Processes' };
  const serverName = (row) => (row.source === 'process' ? serverWords[row.name] || row.name : row.name);
  function server(model) {
    const value = (row, v) =>
      v === null
        ? '-'
        : row.unit === 'bytes'
          ? show.bytes(v)
          : row.unit === 'us'
            ? show.us(v)
            : Number.isInteger(v)
              ? show.count(v)
              : show.rate(v);
    return [
      el(
        'p',
        { class: 'about' },
        `What the server held: before the first client, at its most, at the end${
          model.server.settled_s === null ? '' : `, and ${show.seconds(model.server.settled_s)} after the last client had left`
        }.`,
      ),
      table(
        [
          ['value', 'text'],
          ['before', 'n'],
          ['most', 'n'],
          ['at the end', 'n'],
          ['after', 'n'],
          ['back', 'keep'],
        ],
        model.server.values.map((row) => [
          serverName(row),
          value(row, row.before),
          row.most === null ? 'not seen' : value(row, row.most),
          value(row, row.end),
          value(row, row.after),
          row.back === null ? (row.source === 'process' && row.after === 0 ? 'gone' : '') : row.back ? 'yes' : 'no',
        ]),
        { label: 'Server' },
      ),
    ];
  }

  // What the whole host did meanwhile; `of`: the model, or one of its shards.
  function usage(of) {
    const u = of.host.usage,
      use =
        u.mem_total_bytes === undefined
          ? []
          : [
              [
                'CPU, whole host',
                `${show.none(show.percent)(u.cpu_percent_mean)} on average, ${show.none(show.percent)(u.steal_percent_mean)} stolen`,
              ],
              [
                'Memory',
                `${show.none(show.bytes)(u.mem_available_bytes_least)} available at the least, of ${show.bytes(u.mem_total_bytes)}`,
              ],
              [
                'TCP sockets',
                `${show.count(u.tcp_in_use_most)} in use at the most, ${show.count(u.tcp_time_wait_most)} in TIME_WAIT`,
              ],
              [
                'Network',
                `${show.bytes(u.net_bytes_in)} in, ${show.bytes(u.net_bytes_out)} out, ${show.plural(u.net_drops, 'packet', 'packets')} dropped`,
              ],
              ['Retransmits', `${show.count(u.tcp_retransmits)} of ${show.count(u.tcp_out_segments)} segments`],
              ['Listen drops', show.count(u.tcp_listen_drops)],
            ];
    return use.length
      ? el(
          'dl',
          { class: 'words' },
          use.map(([name, text]) => [el('dt', {}, name), el('dd', {}, text)]),
        )
      : null;
  }

  function host(of) {
    const facts = (list, label) =>
      list.length
        ? table(
            [
              ['name', 'fact'],
              ['value', 'fact'],
            ],
            list.map((f) => [el('span', { title: `read from ${f.source}` }, f.name), f.value]),
            { label },
          )
        : el('p', { class: 'empty' }, 'None were kept.');
    const halves = (list, label) => {
      const half = Math.ceil(list.length / 2);
      return el(
        'div',
        { class: 'columns' },
        facts(list.slice(0, half), label),
        list.length > 1 ? facts(list.slice(half), `${label}, continued`) : null,
      );
    };
    return [
      el('h3', {}, 'Machine'),
      halves(of.host.facts, 'Machine'),
      el('h3', {}, 'Limits'),
      (of.ladder || []).length
        ? table(
            [
              ['clients', 'n'],
              ['limit', 'fact'],
              ['stood at', 'fact'],
              ['how it becomes clients', 'text'],
            ],
            of.ladder.map((rung) => [
              rung.clients === null ? 'any' : (rung.estimated ? 'about ' : '') + show.count(rung.clients),
              el('span', { title: rung.remedy ? `raised by: ${rung.remedy}` : '' }, rung.limit),
              rung.value,
              rung.detail,
            ]),
            { label: 'Limits ladder', caption: 'Clients of this plan that each limit allowed: what binds first stands first' },
          )
        : null,
      halves(of.limits, 'Limits'),
    ];
  }

  // A merged run: how each host's clients fared, and each host.
  function shards(model) {
    const us = (value) => show.none(show.us)(value);
    return [
      table(
        [
          ['shard', 'n'],
          ['host', 'fact'],
          ['ended', 'keep'],
          ['clients', 'n'],
          ['available', 'n'],
          ['drops', 'n'],
          ['a client-hour', 'n'],
          ['connect p99', 'n'],
          ['TCP round trip p50', 'n'],
          ['response p50', 'n'],
          ['p99', 'n'],
          ['service p99', 'n'],
          ['left late, p99', 'n'],
          ['busiest worker', 'n'],
        ],
        model.shards.map((one) => [
          String(one.shard),
          one.name || '',
          one.how,
          show.count(one.clients),
          show.none(show.percent)(one.availability_percent),
          show.count(one.drops),
          show.none(show.rate)(one.drops_per_client_hour),
          us(one.latency.connect_p99_us),
          us(one.latency.rtt_p50_us),
          us(one.latency.response_p50_us),
          us(one.latency.response_p99_us),
          us(one.latency.service_p99_us),
          us(one.latency.send_lateness_p99_us),
          show.percent(one.tester.cpu_busiest_percent_max),
        ]),
        { label: 'Shards' },
      ),
      model.run.whole ? null : el('p', { class: 'about after' }, 'How the clients fared is of the whole run, whatever part of it this page is about.'),
    ];
  }
  function hosts(model) {
    if (!model.shards) return host(model);
    return model.shards.map((one) =>
      fold(`Shard ${one.shard}${one.name ? `: ${one.name}` : ''}`, () => [usage(one), one.server ? server(one) : null, host(one)].flat(Infinity), true),
    );
  }

  const glossary = [
    ['Availability', 'Open client time over wanted client time. Wanted is what the ramp had released.'],
    [
      'Drop',
      'An open connection that ended without the plan asking for it. Drops that the tester caused (a worker lost) are shown apart and do not count against the target.',
    ],
    ['Drops per client-hour', 'Drops over the hours that clients were open, all added up.'],
    ['Outage', 'From a drop until that client is open again.'],
    ['Mass drop', 'More than 1 % of a group, or 50 clients, dropped within one second.'],
    [
      'Response',
      'From the time a message was planned to its reply. It is free of coordinated omission: a stalled server cannot hide by holding up the next message.',
    ],
    ['Service', 'From the bytes written to the reply. Response minus service is waiting on our side of the wire.'],
    [
      'Percentile',
      'p99 is the value that 99 of 100 stayed at or below. Three significant digits, from 1 us to 1 h; the maximum is exact.',
    ],
    ['Lost', 'No reply in time, or the connection ended before it came.'],
    ['Late', 'The reply came, after the time that the config allows (`within`).'],
    ['Stage, side', 'How far a connection had come when it ended, and who ended it: us, peer, network, host, tester.'],
    [
      'Late interval',
      'A slice of time in which the tester itself was the bottleneck. It is left out of the objectives, and the count is shown.',
    ],
    [
      'Verdict',
      'Failed: an objective failed, or because of its target a group never opened, or got no reply, or none that was right. Inconclusive: the run was cut short, a worker was lost, the tester was late in more than 10 % of the intervals, or the books do not balance. Else passed.',
    ],
    ['Books', 'Every client, connection and message is accounted for; when the sums do not agree, the report says so.'],
  ];
  function closing(model) {
    const run = model.run;
    return [
      fold(
        'Configuration, with secrets masked',
        () => el('pre', { tabindex: '0', 'data-path': 'config' }, model.config || ''),
        true,
      ),
      fold(
        'Glossary',
        () =>
          el(
            'dl',
            { class: 'words' },
            glossary.map(([word, text]) => [el('dt', {}, word), el('dd', {}, text)]),
          ),
        true,
      ),
      fold(
        'Run',
        () =>
          el(
            'dl',
            { class: 'words' },
            [
              ['Run', `${run.name}, ${run.id}`],
              ['Command', run.command_line],
              ['Run file', run.file],
              ['Seed', String(run.seed)],
              ['Shard', `${run.shard} of ${run.shards}`],
              ['Interval', show.seconds(run.interval_s)],
              ['Warm-up', run.warmup_s ? show.seconds(run.warmup_s) : 'none'],
              ['Version', `longhaul ${run.version}, report schema ${model.schema_version}`],
            ].map(([name, text]) => [el('dt', {}, name), el('dd', {}, text)]),
          ),
        true,
      ),
    ];
  }

  return { closing, hosts, server, serverName, shards, tester, usage };
})();
