// SPDX-License-Identifier: MIT
// The flame graphs of a page: what is counted, grouping, search, zoom, tooltip, keys. One set of controls serves all
// graphs; each is of one profile, and has its own zoom.
"use strict";

const Flames = (() => {
  const { byId } = Page;
  const time = (us) => Page.formatSeconds(us / 1e6);
  const percent = (part, whole) => (whole ? 100 * part / whole : 0).toFixed(1) + " %";
  const sign = (us) => (us > 0 ? "+" : us < 0 ? "−" : "") + time(Math.abs(us));

  const isFound = (view, box) => view.wanted !== "" && box.kind !== "group" &&
    (box.name + " " + box.place).toLowerCase().includes(view.wanted);

  // ---- words

  function describe(view, graph, box) {
    const whole = graph.top, lines = [box.name, box.place];
    lines.push(`${time(box.total)} (${percent(box.total, whole.total)}), itself ${time(box.self)}`);
    if (view.isDifference) lines.push(`before: ${time(box.before)} (${percent(box.before, whole.before)}); change: ${sign(Graph.changeOf(box))}`);
    const times = box.times || [];
    const parts = view.states.map((name, i) => [name, times[i] || 0]).filter(([, us]) => us > 0);
    if (parts.length) lines.push("itself: " + parts.map(([name, us]) => `${name} ${time(us)}`).join(", "));
    return lines.filter((line) => line !== "").join("\n");
  }

  function labelOf(view, box) {
    if (!view.isDifference || box.kind === "group") return box.name;
    const change = Graph.changeOf(box), most = Math.max(box.total, box.before);
    return Math.abs(change) < 0.02 * most ? box.name : `${box.name} ${change > 0 ? "▲" : "▼"} ${sign(change)}`;
  }

  function sumFound(view, box) {
    if (isFound(view, box)) return box.total;
    let sum = 0;
    for (const b of box.below.values()) sum += sumFound(view, b);
    return sum;
  }

  function say(view, graph) {
    const { top, shown } = graph, words = [top.total ? time(top.total) + " in all" : "nothing was sampled here"];
    if (view.isDifference) words.push(`before: ${time(top.before)}, change: ${sign(Graph.changeOf(top))}`);
    if (shown !== top) words.push(`shown: ${shown.name}, ${percent(shown.total, top.total)}`);
    if (view.wanted) words.push(`found: ${percent(sumFound(view, top), top.total)}`);
    graph.status.textContent = words.join("; ") + ".";
  }

  // ---- drawing

  function redraw(view, graph) {
    graph.layout = Graph.place(graph.shown);
    Graph.draw(graph.canvas, graph.layout, { theme: view.theme, chosen: graph.chosen, isDifference: view.isDifference,
      isFound: (box) => isFound(view, box), labelOf: (box) => labelOf(view, box) });
    say(view, graph);
  }

  function redrawAll(view) {
    view.graphs.forEach((graph) => redraw(view, graph));
    byId("flame-reset").disabled = view.graphs.every((graph) => graph.shown === graph.top);
  }

  function rebuild(view) {
    for (const graph of view.graphs) {
      graph.top = Graph.build(graph.profile, view.modes, view);
      graph.shown = graph.top;
      graph.chosen = null;
    }
    for (const name of ["mode", "grouping", "width"])
      for (const button of document.querySelectorAll(`[data-${name}]`)) button.setAttribute("aria-pressed", button.dataset[name] === view[name]);
    redrawAll(view);
    view.onBuilt(view);
  }

  function zoomTo(view, graph, box) {
    graph.shown = box;
    redrawAll(view);
  }

  // ---- the reader

  const STEPS = {
    ArrowUp: (box) => box.up,
    ArrowDown: (box) => Graph.children(box)[0],
    ArrowLeft: (box, beside, at) => beside[at - 1],
    ArrowRight: (box, beside, at) => beside[at + 1],
  };

  function onKey(view, graph, event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape") zoomTo(view, graph, graph.top);
    else if (event.key === "Enter" && graph.chosen) zoomTo(view, graph, graph.chosen);
    else if (STEPS[event.key]) {
      const now = graph.chosen || graph.shown, beside = now.up ? Graph.children(now.up) : [];
      graph.chosen = STEPS[event.key](now, beside, beside.indexOf(now)) || now;
      redraw(view, graph);
      graph.status.textContent = describe(view, graph, graph.chosen).replaceAll("\n", ", ");
    } else return;
    event.preventDefault();
  }

  function listenToGraph(view, graph) {
    const { canvas } = graph, hit = (event) => Graph.boxAt(canvas, graph.layout, event);
    canvas.addEventListener("pointermove", (event) => {
      const found = hit(event);
      if (found) Page.tooltip.show(describe(view, graph, found.box), event); else Page.tooltip.hide();
    });
    canvas.addEventListener("pointerleave", () => Page.tooltip.hide());
    canvas.addEventListener("click", (event) => {
      const found = hit(event);
      if (!found) return;
      graph.chosen = found.box;
      zoomTo(view, graph, found.box);
    });
    canvas.addEventListener("keydown", (event) => onKey(view, graph, event));
  }

  function listenToControls(view) {
    for (const name of ["mode", "grouping", "width"]) {
      for (const button of document.querySelectorAll(`[data-${name}]`))
        button.addEventListener("click", () => { view[name] = button.dataset[name]; rebuild(view); });
    }
    byId("search").addEventListener("input", (event) => { view.wanted = event.target.value.trim().toLowerCase(); redrawAll(view); });
    byId("flame-reset").addEventListener("click", () => {
      view.graphs.forEach((graph) => { graph.shown = graph.top; });
      redrawAll(view);
    });
    addEventListener("resize", () => redrawAll(view));
  }

  function newGraph(profile, i) {
    return { profile, canvas: byId("flame-" + i), status: byId("flame-status-" + i), top: null, shown: null, chosen: null, layout: null };
  }

  // The graphs of the profiles of a page; onBuilt(view) is called when other things are counted. What is in it is the
  // state that tests read.
  function make(flames, onBuilt) {
    const view = { mode: flames.mode, modes: flames.modes, states: flames.states, grouping: "threads", width: "total", wanted: "",
      isDifference: flames.profiles.some((profile) => profile.before), theme: null, onBuilt,
      graphs: flames.profiles.map(newGraph) };
    byId("flame-section").hidden = false;
    Page.onTheme((readColours) => {
      const colours = readColours(["raised", "line", "ink", "found", "on-found"]);
      view.theme = { ...colours, onFound: colours["on-found"], isDark: Page.themeName() === "dark" };
      if (view.graphs[0].top) redrawAll(view);
    });
    rebuild(view);
    view.graphs.forEach((graph) => listenToGraph(view, graph));
    listenToControls(view);
    return view;
  }

  return { make, time, sign, percent };
})();
