'use strict';
// What all charts over time share: the range shown, the moment pointed at, the marks, and the words for moments.
const view = (() => {
  const shared = { from: 0, until: 1, full: [0, 1], hover: null, lane: null, marks: [], late: [], origin: 0 };
  const items = []; // the time charts: {spec, chart, canvas, figure, build, refresh}
  const listeners = []; // called when the range has changed
  const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  // ---- time on the axis ----
  const two = (n) => String(n).padStart(2, '0');
  const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
  function clock(s, step) {
    const d = new Date(Math.round((shared.origin + s) * 1000));
    if (step >= 86400 || (d.getUTCHours() === 0 && d.getUTCMinutes() === 0 && d.getUTCSeconds() === 0 && step >= 600))
      return `${months[d.getUTCMonth()]} ${d.getUTCDate()}`;
    return `${two(d.getUTCHours())}:${two(d.getUTCMinutes())}${step < 60 ? `:${two(d.getUTCSeconds())}` : ''}`;
  }
  function moment(s) {
    const d = new Date(Math.round((shared.origin + s) * 1000));
    return `${months[d.getUTCMonth()]} ${d.getUTCDate()}, ${two(d.getUTCHours())}:${two(d.getUTCMinutes())}:${two(d.getUTCSeconds())} UTC`;
  }

  // ---- what is drawn behind and over the curves ----
  // What is drawn leaves the chart's own pen as it was.
  function drawing(chart, draw) {
    chart.ctx.save();
    draw(chart.ctx, chart.chartArea, chart.scales.x);
    chart.ctx.restore();
  }
  function upright(ctx, area, at, color, dash) {
    ctx.strokeStyle = color;
    ctx.setLineDash(dash);
    ctx.beginPath();
    ctx.moveTo(at, area.top);
    ctx.lineTo(at, area.bottom);
    ctx.stroke();
  }
  const marks = {
    id: 'marks',
    beforeDatasetsDraw(chart) {
      drawing(chart, (ctx, area, x) => {
        ctx.fillStyle = color('--shade');
        for (const [from, until] of shared.late) {
          const left = Math.max(area.left, x.getPixelForValue(from)),
            right = Math.min(area.right, x.getPixelForValue(until));
          if (right > left) ctx.fillRect(left, area.top, Math.max(3, right - left), area.height);
        }
      });
    },
    afterDatasetsDraw(chart) {
      drawing(chart, (ctx, area, x) => {
        ctx.lineWidth = 1;
        ctx.font = `600 11px ${color('--sans')}`;
        ctx.textAlign = 'center';
        let last = -Infinity,
          lastLabel = -Infinity;
        shared.marks.forEach((mark) => {
          if (mark.s < shared.from || mark.s > shared.until) return;
          const at = x.getPixelForValue(mark.s);
          if (at - last < 2) return;
          last = at;
          upright(ctx, area, at, color('--quiet'), [2, 3]);
          if (!chart.options.numbered || at - lastLabel < 18) return;
          lastLabel = at;
          ctx.fillStyle = color('--soft');
          ctx.fillText(mark.n, Math.min(Math.max(at, area.left + 6), area.right - 6), area.top - 6);
        });
        if (shared.hover !== null && shared.hover >= shared.from && shared.hover <= shared.until)
          upright(ctx, area, x.getPixelForValue(shared.hover), color('--soft'), []);
      });
    },
  };
  let pending = false;
  function point(s) {
    if (shared.hover === s) return;
    shared.hover = s;
    if (pending) return;
    pending = true;
    requestAnimationFrame(() => {
      pending = false;
      items.forEach((item) => item.chart.draw());
    });
  }

  // ---- range of the view ----
  function setRange(from, until) {
    const [a, b] = shared.full,
      least = Math.min(b - a, 2 * shared.lane.step);
    const width = Math.max(least, Math.min(until - from, b - a));
    from = Math.max(a, Math.min(from, b - width));
    Object.assign(shared, { from, until: from + width });
    items.forEach((item) => item.refresh());
    listeners.forEach((listener) => listener());
  }
  function zoomable(item) {
    const { canvas, figure } = item,
      box = el('div', { style: 'position:absolute;pointer-events:none;display:none;background:var(--select)' });
    figure.querySelector('.plot').append(box);
    let start = null;
    const place = (event) => {
      const area = item.chart.chartArea,
        x = event.clientX - canvas.getBoundingClientRect().left;
      return Math.max(area.left, Math.min(x, area.right));
    };
    const finish = (event, apply) => {
      if (start === null) return;
      const end = place(event),
        from = start,
        scale = item.chart.scales.x;
      start = null;
      box.style.display = 'none';
      if (apply && Math.abs(end - from) > 6)
        setRange(scale.getValueForPixel(Math.min(from, end)), scale.getValueForPixel(Math.max(from, end)));
    };
    canvas.addEventListener('pointerdown', (event) => {
      if (event.button !== 0) return;
      start = place(event);
      canvas.setPointerCapture(event.pointerId);
    });
    canvas.addEventListener('pointermove', (event) => {
      if (start === null) return;
      const now = place(event),
        area = item.chart.chartArea;
      Object.assign(box.style, {
        display: 'block',
        left: `${Math.min(start, now)}px`,
        width: `${Math.abs(now - start)}px`,
        top: `${area.top}px`,
        height: `${area.height}px`,
      });
    });
    canvas.addEventListener('pointerup', (event) => finish(event, true));
    canvas.addEventListener('pointercancel', (event) => finish(event, false));
    canvas.addEventListener('dblclick', () => setRange(...shared.full));
    canvas.addEventListener('pointerleave', () => point(null));
  }

  return Object.assign(shared, { items, listeners, color, clock, moment, marksPlugin: marks, point, setRange, zoomable });
})();
