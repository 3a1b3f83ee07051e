'use strict';
// The theme of a comparison's page, which has no chart.
(() => {
  const button = document.getElementById('theme'), dark = matchMedia('(prefers-color-scheme: dark)');
  const theme = (name) => {
    document.documentElement.dataset.theme = name;
    button.textContent = name === 'dark' ? 'Light' : 'Dark';
    button.setAttribute('aria-label', `Switch to the ${name === 'dark' ? 'light' : 'dark'} theme`);
  };
  theme(dark.matches ? 'dark' : 'light');
  button.hidden = false;
  button.addEventListener('click', () => theme(document.documentElement.dataset.theme === 'dark' ? 'light' : 'dark'));
  dark.addEventListener('change', () => theme(dark.matches ? 'dark' : 'light'));
  addEventListener('beforeprint', () => theme('light'));
})();
