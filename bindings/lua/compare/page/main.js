// SPDX-License-Identifier: MIT
// The page as a whole: data, theme, tooltip, sizes. Tests read its state in window.manymoons.
"use strict";

(() => {
  const byId = (id) => document.getElementById(id);
  const data = JSON.parse(byId("data").textContent);
  const prefersDark = matchMedia("(prefers-color-scheme: dark)");
  const STORED = "manymoons-theme";

  // ---- theme: the system's, unless the reader has chosen one

  // A page from a file may have no storage.
  function stored() { try { return localStorage.getItem(STORED); } catch { return null; } }
  function store(name) { try { localStorage.setItem(STORED, name); } catch { /* the choice is not stored */ } }

  function readTheme() {
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue("--" + name).trim();
    const names = ["paper", "raised", "ink", "soft", "line", "grid", "hold", "wait", "blocked", "task", "message", "bar",
      "best", "dot"];
    const theme = Object.fromEntries(names.map((name) => [name, colour(name)]));
    return { ...theme, waitGround: colour("wait-ground"), waitDense: colour("wait-dense"), shade: theme.raised, worlds: [0, 1, 2, 3, 4].map((i) => colour("w" + i)) };
  }

  const tooltip = (() => {
    const element = byId("tooltip");
    return {
      hide() { element.hidden = true; },
      show(text, event) {
        if (!event) return;
        element.textContent = text;
        element.hidden = false;
        const { width, height } = element.getBoundingClientRect();
        const left = event.clientX + 14 + width > innerWidth ? event.clientX - width - 14 : event.clientX + 14;
        const top = event.clientY + 16 + height > innerHeight ? event.clientY - height - 12 : event.clientY + 16;
        element.style.left = Math.max(4, left) + "px";
        element.style.top = Math.max(4, top) + "px";
      },
    };
  })();

  const bars = Bars.make(data.report, tooltip);
  const lanes = Lanes.read(data.timeline);
  const timeline = lanes.lanes.length ? Timeline.make(lanes, tooltip) : null;

  function setTheme(name) {
    document.documentElement.dataset.theme = name;
    byId("theme").textContent = name === "dark" ? "Light" : "Dark";
    byId("theme").title = name === "dark" ? "Dark on light" : "Light on dark";
    const theme = readTheme();
    bars.remake(theme);
    if (timeline) timeline.remake(theme);
  }

  const currentTheme = () => document.documentElement.dataset.theme;

  // Only a row that the figures show to be fastest.
  function markFastest() {
    const place = Bars.fastestOf(data.report);
    if (place >= 0) byId("table").tBodies[0].rows[place].classList.add("best");
  }

  function cell(tag, text) {
    const element = document.createElement(tag);
    element.textContent = text;
    return element;
  }

  // The lanes as a table: how each thread spent its time.
  function fillLaneTable() {
    const head = document.createElement("tr");
    head.append(...["world", "thread", "VM", "lifetime", "holds the lock", "waits for it", "blocked", "idle"].map((t) => cell("th", t)));
    const rows = lanes.lanes.map((lane) => {
      const life = lane.life ? lane.life[1] - lane.life[0] : lane.recording.end;
      const [hold, wait, blocked] = lane.sums, idle = Math.max(0, life - hold - wait - blocked);
      const row = document.createElement("tr");
      const shares = [hold, wait, blocked, idle].map((sum) => Lanes.percent(life ? sum / life : 0));
      row.append(...[lane.world, lane.thread || lane.tid, lane.vm, Bars.formatSeconds(life / 1e7), ...shares].map((t) => cell("td", t)));
      return row;
    });
    byId("lane-table").replaceChildren(head, ...rows);
  }

  byId("theme").hidden = false;
  byId("theme").addEventListener("click", () => {
    const name = currentTheme() === "dark" ? "light" : "dark";
    store(name);
    setTheme(name);
  });
  prefersDark.addEventListener("change", () => { if (!stored()) setTheme(prefersDark.matches ? "dark" : "light"); });
  addEventListener("resize", () => { bars.resize(); if (timeline) timeline.resize(); });

  markFastest();
  fillLaneTable();
  setTheme(stored() || (prefersDark.matches ? "dark" : "light"));

  window.manymoons = { data, bars: bars.state, lanes, timeline, setTheme, theme: currentTheme };
})();
