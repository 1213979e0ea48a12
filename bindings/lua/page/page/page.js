// SPDX-License-Identifier: MIT
// What all pages share: data, theme, tooltip, numbers, tables. Tests read a page's state in window.manymoons.
"use strict";

const Page = (() => {
  const byId = (id) => document.getElementById(id);
  const data = JSON.parse(byId("data").textContent);
  const prefersDark = matchMedia("(prefers-color-scheme: dark)");
  const STORED = "manymoons-theme", SAID_AFTER = 500;

  // ---- numbers

  // A time of which neighbours differ by `step` seconds, with as many digits as tell them apart.
  function formatTime(seconds, step) {
    if (seconds === 0) return "0 s";
    const size = Math.max(Math.abs(seconds), step);
    const [factor, unit] = size >= 1 ? [1, " s"] : size >= 1e-3 ? [1e3, " ms"] : [1e6, " µs"];
    const digits = Math.min(9, Math.max(0, Math.ceil(-Math.log10(step * factor) - 1e-9)));
    return (seconds * factor).toFixed(digits) + unit;
  }

  // Three digits.
  const formatSeconds = (s) => formatTime(s, s === 0 ? 1 : Math.pow(10, Math.floor(Math.log10(Math.abs(s))) - 2));
  const percent = (share) => Math.round(share * 100) + " %";

  // ---- theme: the system's, unless the reader has chosen one

  // A page from a file may have no storage.
  function stored() { try { return localStorage.getItem(STORED); } catch { return null; } }
  function store(name) { try { localStorage.setItem(STORED, name); } catch { /* the choice is not stored */ } }

  const painters = [];
  const themeName = () => document.documentElement.dataset.theme;

  // The colours of the style sheet by name, as the browser has them.
  function readColours(names) {
    const probe = document.body.appendChild(document.createElement("i"));
    const colours = names.map((name) => {
      probe.style.color = `var(--${name})`;
      return [name, getComputedStyle(probe).color];
    });
    probe.remove();
    return Object.fromEntries(colours);
  }

  function setTheme(name) {
    document.documentElement.dataset.theme = name;
    byId("theme").textContent = name === "dark" ? "Light" : "Dark";
    byId("theme").setAttribute("aria-label", name === "dark" ? "Light colours" : "Dark colours");
    painters.forEach((paint) => paint(readColours));
  }

  // Calls paint(readColours) now and whenever the colours change.
  function onTheme(paint) {
    painters.push(paint);
    paint(readColours);
  }

  function toggleTheme() {
    const name = themeName() === "dark" ? "light" : "dark";
    store(name);
    setTheme(name);
  }

  // ---- tooltip

  const tooltip = (() => {
    const element = byId("tooltip");
    return {
      hide() { element.hidden = true; },
      show(text, event) {
        if (!event) return;
        element.textContent = text;
        element.hidden = false;
        const { width, height } = element.getBoundingClientRect(), room = document.documentElement.clientWidth;
        const left = event.clientX + 14 + width > room ? event.clientX - width - 14 : event.clientX + 14;
        const top = event.clientY + 16 + height > innerHeight ? event.clientY - height - 12 : event.clientY + 16;
        element.style.left = Math.max(4, Math.min(left, room - width - 4)) + "px";
        element.style.top = Math.max(4, top) + "px";
      },
    };
  })();

  // ---- words

  // Writes text into a live region when it has not changed for a while, so that a reader of the screen hears where a
  // movement ended, and not each step of it.
  function makeSayer(element) {
    let timer = 0;
    return (text) => {
      clearTimeout(timer);
      timer = setTimeout(() => { if (element.textContent !== text) element.textContent = text; }, SAID_AFTER);
    };
  }

  function cell(tag, text, scope) {
    const element = document.createElement(tag);
    element.textContent = text;
    if (scope) element.scope = scope;
    return element;
  }

  // Lists of cells as the rows of a table's body; the first cell of each is its head.
  function fillRows(body, rows) {
    body.replaceChildren(...rows.map((cells) => {
      const row = document.createElement("tr");
      row.append(...cells.map((text, i) => (i === 0 ? cell("th", text, "row") : cell("td", text))));
      return row;
    }));
  }

  byId("theme").hidden = false;
  byId("theme").addEventListener("click", toggleTheme);
  prefersDark.addEventListener("change", () => { if (!stored()) setTheme(prefersDark.matches ? "dark" : "light"); });
  setTheme(stored() || (prefersDark.matches ? "dark" : "light"));

  return { byId, data, formatTime, formatSeconds, percent, onTheme, themeName, tooltip, makeSayer, cell, fillRows };
})();
