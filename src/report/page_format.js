'use strict';
// Numbers as people read them: the same words as src/report/show.c, which the other formats use.
const show = (() => {
  // printf rounds an exact half to the even digit, toFixed away from zero; only values of this form are exact halves.
  function fixed(value, digits) {
    const twice = value * 2 ** (digits + 1);
    if (!Number.isInteger(twice) || twice % 2 === 0) return value.toFixed(digits);
    const below = Math.floor(value * 10 ** digits);
    return ((below % 2 === 0 ? below : below + 1) / 10 ** digits).toFixed(digits);
  }
  const strip = (text) => (text.includes('.') ? text.replace(/\.?0+$/, '') : text);
  const count = (n) => String(Math.max(0, Math.round(n))).replace(/\B(?=(\d{3})+$)/g, ',');
  const plural = (n, one, many) => (n === 0 ? `no ${many}` : `${count(n)} ${n === 1 ? one : many}`);

  function us(value) {
    const ns = Math.max(0, Math.round(value * 1000));
    if (ns === 0) return '0 s';
    const s = Math.floor((ns + 5e8) / 1e9);
    const pair = (big, bigName, small, smallName) => (small ? `${big} ${bigName} ${small} ${smallName}` : `${big} ${bigName}`);
    if (s >= 86400) return pair(Math.floor(s / 86400), 'd', Math.floor((s % 86400) / 3600), 'h');
    if (s >= 3600) return pair(Math.floor(s / 3600), 'h', Math.floor((s % 3600) / 60), 'min');
    if (s >= 60) return pair(Math.floor(s / 60), 'min', s % 60, 's');
    for (const [name, scale] of [
      ['s', 1e9],
      ['ms', 1e6],
      ['us', 1e3],
    ]) {
      const part = ns / scale;
      if (part < 0.9995 && name !== 'us') continue;
      return `${fixed(part, part < 9.995 ? 2 : part < 99.95 ? 1 : 0)} ${name}`;
    }
    return '';
  }
  const seconds = (s) => us(s * 1e6).replace(/\.0+(?= )/, ''); // a time that was chosen, not measured: "10 s"

  function percent(p) {
    const rest = p > 50 ? 100 - p : p;
    const digits = Math.min(6, rest >= 10 ? 1 : rest >= 1 ? 2 : rest > 0 ? Math.ceil(-Math.log10(rest)) + 1 : 0);
    const scale = 10 ** digits;
    return `${strip(fixed(p > 50 ? Math.floor(p * scale + 1e-6) / scale : p, digits))} %`;
  }
  function rate(n) {
    if (n === 0) return '0';
    if (n >= 999.5) return count(n);
    const digits = n >= 99.95 ? 0 : n >= 9.995 ? 1 : n >= 1 ? 2 : Math.min(6, Math.ceil(-Math.log10(n)) + 1);
    return strip(fixed(n, digits));
  }
  function bytes(n) {
    const names = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
    let i = 0;
    for (n = Math.max(0, Math.round(n)); n >= 1023.95 && i + 1 < names.length; i++) n /= 1024;
    return `${i === 0 || Number.isInteger(n) ? fixed(n, 0) : fixed(n, n < 99.95 ? 1 : 0)} ${names[i]}`;
  }
  const time = (text) => text.slice(0, 19).replace('T', ' ');
  const clock = (text) => text.slice(11, 19);
  const none = (f) => (value) => (value === null || value === undefined ? '–' : f(value));

  const byUnit = { us: us, share: (n) => percent(100 * n), count: count, per_hour: rate };
  const slo = (item, key) =>
    item[key] === null || item[key] === undefined
      ? 'none'
      : item.unit === 'us' && key === 'threshold'
        ? seconds(item[key] / 1e6)
        : byUnit[item.unit](item[key]);
  return { count, plural, us, seconds, percent, rate, bytes, time, clock, none, slo };
})();
