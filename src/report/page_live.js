'use strict';
// The page of a run in progress: the whole model once, then what changes of it, and figures each second.
const live = (() => {
  // Applies a patch of src/live/patch.h. What is not in the patch is shared with the old value, nothing of which is changed.
  function patched(old, patch) {
    if ('v' in patch) return patch.v;
    if ('a' in patch) {
      const items = old.slice(0, patch.a);
      for (const [i, change] of Object.entries(patch.i || {})) items[i] = patched(items[i], change);
      for (const item of patch.t || []) items.push(item);
      return items;
    }
    const object = { ...old };
    for (const key of patch.d || []) delete object[key];
    for (const [key, change] of Object.entries(patch.o)) object[key] = patched(object[key], change);
    return object;
  }

  // on: {model, now, state}. A page that was asleep gets all at once what it missed; it is drawn once, for the last of it.
  function follow(on) {
    let model = null,
      now = null,
      revision = 0,
      ended = false,
      wait_ms = 500,
      pending = false,
      fresh = false;
    function draw() {
      if (!pending) return;
      pending = false;
      if (fresh) on.model(model, now);
      else on.now(now);
      fresh = false;
    }
    function soon() {
      if (pending) return;
      pending = true;
      requestAnimationFrame(draw);
    }
    function take(message, socket) {
      if (message.type === 'now') now = message;
      else if (message.type === 'end') {
        ended = true;
        draw();
        on.state('ended');
        return;
      } else if (message.type === 'whole') ({ model, revision } = message);
      else if (message.type === 'change' && message.revision === revision + 1) {
        model = patched(model, message.patch);
        revision = message.revision;
      } else {
        socket.close(); // something was missed: a new connection begins with the whole
        return;
      }
      fresh = fresh || message.type !== 'now';
      soon();
    }
    function connect() {
      const socket = new WebSocket(`${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/`, 'longhaul-live');
      socket.addEventListener('open', () => {
        wait_ms = 500;
        on.state('live');
      });
      socket.addEventListener('message', (event) => take(JSON.parse(event.data), socket));
      socket.addEventListener('close', () => {
        if (ended) return;
        on.state('lost');
        revision = 0;
        setTimeout(connect, wait_ms);
        wait_ms = Math.min(2 * wait_ms, 10000);
      });
    }
    connect();
  }

  // ---- the figures of this moment ----
  const tile = (title, value, small) => el('div', {}, el('dt', {}, title), el('dd', {}, value, el('small', {}, small)));
  function now(message, lane) {
    const f = lane === null ? message.run : message.groups[lane],
      t = message.tester,
      share = Math.min(1, message.elapsed_s / message.planned_s);
    const recent = `last ${show.seconds(Math.round(message.window_s))}`;
    return el(
      'section',
      { id: 'now', 'aria-labelledby': 'now-title' },
      el('h2', { id: 'now-title' }, 'Now'),
      el(
        'p',
        { class: 'about' },
        `${show.seconds(Math.floor(message.elapsed_s))} of ${show.seconds(message.planned_s)}, ${message.phase}. These figures are of this second; all below is as of the last stored interval of ${show.seconds(message.interval_s)}.`,
      ),
      el('progress', { max: '1', value: String(share), 'aria-label': 'Share of the run that is over' }),
      el(
        'dl',
        { class: 'figures' },
        tile('Open', show.count(f.open), `of ${show.count(f.wanted)} wanted`),
        tile('Not open', show.count(f.connecting + f.waiting), `${show.count(f.connecting)} connecting, ${show.count(f.waiting)} waiting`),
        tile('Drops', show.count(f.drops), `${show.count(f.reconnects)} reconnects, ${show.plural(f.failures, 'failed attempt', 'failed attempts')}`),
        tile('Messages a second', show.rate(f.sent_per_s), `sent, ${recent}; ${show.plural(f.lost, 'reply lost', 'replies lost')}`),
        tile('Response p99', show.none(show.us)(f.p99_us), f.p50_us === null ? `no reply in the ${recent}` : `p50 ${show.us(f.p50_us)}, ${recent}`),
        tile('Tester', `${show.percent(t.cpu_percent)}`, `of a core; ${t.alive} of ${show.plural(t.workers, 'worker', 'workers')}, at most ${show.us(t.loop_lag_max_us)} late`),
      ),
    );
  }

  return { patched, follow, now };
})();
