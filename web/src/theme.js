// Light, dark, or as the system has it.

const KEY = 'theme', ORDER = ['', 'light', 'dark'];
const WORDS = { '': 'as the system has them', light: 'light', dark: 'dark' };

export function listenToTheme(button, changed) {
  let theme = '';
  try {
    theme = localStorage.getItem(KEY) ?? '';
  } catch {
    // A browser that keeps nothing begins with the system's.
  }
  const show = () => {
    document.documentElement.dataset.theme = theme;
    button.setAttribute('aria-label', `Colours: ${WORDS[theme]}`);
    button.title = `Colours: ${WORDS[theme]}`;
    changed();
  };
  button.addEventListener('click', () => {
    theme = ORDER[(ORDER.indexOf(theme) + 1) % ORDER.length];
    try {
      localStorage.setItem(KEY, theme);
    } catch {
      // It is then forgotten with the page.
    }
    show();
  });
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', changed);
  if (!ORDER.includes(theme)) theme = '';
  show();
}
