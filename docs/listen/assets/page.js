"use strict";
// What all other scripts share: the page's data, and samples that are loaded as scripts, because a page opened from
// disk may not read files.

const page = {
  data: null,
  waiting: new Map(),

  // The content of data/KEY.js: {sound, f0, f0_step}: a sound file in base64, F0 in 0.1 Hz.
  load(key) {
    return new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = `data/${key}.js`;
      script.onload = () => script.remove();
      script.onerror = () => {
        script.remove();
        this.waiting.delete(key);
        reject(new Error(`data/${key}.js could not be loaded`));
      };
      this.waiting.set(key, resolve);
      document.head.append(script);
    });
  },

  // Called by the scripts themselves.
  received(key, content) {
    const resolve = this.waiting.get(key);
    this.waiting.delete(key);
    if (resolve) resolve(content);
  },
};

// An element with attributes (properties, where it has them) and children.
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name in element) element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

const byId = (id) => document.getElementById(id);
