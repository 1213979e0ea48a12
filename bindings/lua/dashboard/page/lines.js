// SPDX-License-Identifier: MIT
// Figures with a line of what they were: the last two minutes, from 0 to the largest.
"use strict";

const Lines = (() => {
  const KEPT = 120;
  const histories = new Map(); // name → list of numbers
  const cards = new Map(); // name → { card, figure, canvas }
  let colours = { hold: "", grid: "" };

  function draw(canvas, values) {
    const ratio = window.devicePixelRatio || 1, width = canvas.clientWidth, height = canvas.clientHeight;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    const context = canvas.getContext("2d"), most = Math.max(...values, 1e-9);
    context.scale(ratio, ratio);
    context.strokeStyle = colours.grid;
    context.beginPath();
    context.moveTo(0, height - 0.5);
    context.lineTo(width, height - 0.5);
    context.stroke();
    context.strokeStyle = colours.hold;
    context.lineWidth = 1.5;
    context.beginPath();
    values.forEach((value, i) => {
      const x = width - (values.length - 1 - i) * (width / (KEPT - 1)), y = height - 2 - (height - 5) * (value / most);
      if (i === 0) context.moveTo(x, y); else context.lineTo(x, y);
    });
    context.stroke();
  }

  function makeCard(title) {
    const card = document.createElement("div");
    card.className = "figure";
    const figure = Page.cell("p", ""), canvas = document.createElement("canvas");
    canvas.setAttribute("aria-hidden", "true");
    card.append(Page.cell("h3", title), figure, canvas);
    return { card, figure, canvas };
  }

  // Shows figures { name, value, text }, each with its line.
  function show(box, figures) {
    for (const name of cards.keys()) {
      if (!figures.some((figure) => figure.name === name)) {
        cards.get(name).card.remove();
        cards.delete(name);
      }
    }
    for (const { name, value, text } of figures) {
      const history = histories.get(name) || [];
      histories.set(name, history);
      history.push(value || 0);
      if (history.length > KEPT) history.shift();
      if (!cards.has(name)) {
        cards.set(name, makeCard(name));
        box.append(cards.get(name).card);
      }
      const { figure, canvas } = cards.get(name);
      figure.textContent = text;
      draw(canvas, history);
    }
  }

  function forget() { histories.clear(); }

  Page.onTheme((read) => { colours = read(["hold", "grid"]); });

  return { show, forget };
})();
