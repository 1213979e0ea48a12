// SPDX-License-Identifier: MIT
// A flame graph: a tree of boxes, and how it is drawn on a canvas. The page gives it what is counted and how threads are
// grouped. In the differences of two profiles each box has two times, and the colour and the words of one say the change.
"use strict";

const Graph = (() => {
  const ROW = 20, GAP = 1, LEAST = 0.4, TEXT_LEAST = 28;
  const HUES = { lua: [18, 40], c: [190, 30], own: [250, 30] };
  const LESS = 215, MORE = 12; // hues of a change

  // ---- the tree

  const newBox = (name, place, kind) => ({ name, place, kind, total: 0, self: 0, before: 0, width: 0, times: null, below: new Map() });

  function boxBelow(box, key, make) {
    let found = box.below.get(key);
    if (!found) {
      found = make();
      found.up = box;
      box.below.set(key, found);
    }
    return found;
  }

  function rootOf(thread, top, grouping) {
    if (grouping === "merged") return top;
    const world = thread.world === "main" ? top : boxBelow(top, "w" + thread.world, () => newBox(thread.world, "", "group"));
    return boxBelow(world, "t" + thread.name + thread.pid + "/" + thread.thread,
      () => newBox(thread.name, thread.pid ? `VM ${thread.vm}, process ${thread.pid}, thread ${thread.thread}` : "", "group"));
  }

  const sumOf = (times, counted) => times.reduce((sum, time, i) => sum + (counted[i] ? time : 0), 0);

  // A node is [place of its caller, function, times…], and behind them the times before.
  function addThread(profile, thread, root, counted) {
    const boxes = [root], states = counted.length;
    for (const node of thread.nodes) {
      const f = profile.functions[node[1]], times = node.slice(2, 2 + states);
      const box = boxBelow(boxes[node[0]], node[1], () => newBox(f.name, f.place, f.kind));
      const own = sumOf(times, counted), before = sumOf(node.slice(2 + states), counted);
      box.times = box.times ? box.times.map((time, i) => time + times[i]) : times;
      box.self += own;
      for (let outer = box; outer; outer = outer.up) { outer.total += own; outer.before += before; }
      boxes.push(box);
    }
  }

  // The whole as a tree of boxes. width: of which time a box shows the share, "total" or "before".
  function build(profile, modes, { mode, grouping, width }) {
    const top = newBox("all", "", "group");
    for (const thread of profile.threads) addThread(profile, thread, rootOf(thread, top, grouping), modes[mode]);
    top.widthOf = (box) => box[width];
    return top;
  }

  const topOf = (box) => { while (box.up) box = box.up; return box; };

  // Worlds and threads in their order, functions by their time.
  function children(box) {
    const { widthOf } = topOf(box), all = [...box.below.values()].filter((b) => widthOf(b) > 0);
    return all.every((b) => b.kind === "group") ? all : all.sort((a, b) => widthOf(b) - widthOf(a));
  }

  // Places every box of the tree: x and width from 0 to 1 of what is shown, and its row.
  function place(shown) {
    const boxes = [], outer = [], { widthOf } = topOf(shown);
    let depth = 0;
    for (let box = shown.up; box; box = box.up) outer.unshift(box);
    outer.forEach((box, row) => boxes.push({ box, row, x: 0, width: 1, isOuter: true }));
    const put = (box, row, x, width) => {
      depth = Math.max(depth, row);
      boxes.push({ box, row, x, width });
      let at = x;
      for (const b of children(box)) {
        const part = widthOf(box) ? width * widthOf(b) / widthOf(box) : 0;
        if (part > 0) put(b, row + 1, at, part);
        at += part;
      }
    };
    put(shown, outer.length, 0, 1);
    return { boxes, rows: depth + 1 };
  }

  // ---- drawing

  function hash(text) {
    let value = 7;
    for (let i = 0; i < text.length; i++) value = (value * 31 + text.charCodeAt(i)) % 9973;
    return value;
  }

  const changeOf = (box) => box.total - box.before;

  // The stronger, the larger a share of its own time changed.
  function colourOfChange(box, theme) {
    const most = Math.max(box.total, box.before), share = most ? changeOf(box) / most : 0;
    if (Math.abs(share) < 0.02) return theme.line;
    const strength = Math.sqrt(Math.abs(share));
    const light = theme.isDark ? 24 + 16 * strength : 92 - 22 * strength;
    return `hsl(${share > 0 ? MORE : LESS} ${35 + 45 * strength}% ${light}%)`;
  }

  function colourOf(box, theme, isDifference) {
    if (box.kind === "group") return theme.raised;
    if (isDifference) return colourOfChange(box, theme);
    if (box.kind === "state") return theme.line;
    const [from, span] = HUES[box.kind];
    return `hsl(${from + hash(box.name + box.place) % span} ${box.kind === "lua" ? 78 : 45}% ${theme.isDark ? 33 : 76}%)`;
  }

  function cut(context, text, room) {
    if (context.measureText(text).width <= room) return text;
    let length = Math.floor(text.length * room / context.measureText(text).width);
    while (length > 1 && context.measureText(text.slice(0, length) + "…").width > room) length--;
    return length > 1 ? text.slice(0, length) + "…" : "";
  }

  function drawBox(context, b, width, state) {
    const x = b.x * width, w = b.width * width - GAP, y = b.row * ROW, { theme, chosen, isFound, labelOf } = state;
    if (w < LEAST) return;
    context.globalAlpha = b.isOuter ? 0.55 : 1;
    context.fillStyle = isFound(b.box) ? theme.found : colourOf(b.box, theme, state.isDifference);
    context.fillRect(x, y, w, ROW - GAP);
    if (b.box === chosen) {
      context.strokeStyle = theme.ink;
      context.lineWidth = 2;
      context.strokeRect(x + 1, y + 1, w - 2, ROW - GAP - 2);
    }
    context.globalAlpha = 1;
    if (w < TEXT_LEAST) return;
    context.fillStyle = isFound(b.box) ? theme.onFound : theme.ink;
    context.fillText(cut(context, labelOf(b.box), w - 8), x + 4, y + ROW / 2);
  }

  function draw(canvas, layout, state) {
    const width = canvas.parentElement.clientWidth, height = Math.max(1, layout.rows) * ROW, ratio = devicePixelRatio || 1;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    canvas.style.height = height + "px";
    const context = canvas.getContext("2d");
    context.scale(ratio, ratio);
    context.font = '12.5px system-ui, "DejaVu Sans", sans-serif';
    context.textBaseline = "middle";
    for (const b of layout.boxes) drawBox(context, b, width, state);
  }

  function boxAt(canvas, layout, event) {
    const edge = canvas.getBoundingClientRect();
    const x = (event.clientX - edge.left) / edge.width, row = Math.floor((event.clientY - edge.top) / ROW);
    return layout.boxes.find((b) => b.row === row && x >= b.x && x < b.x + b.width);
  }

  return { build, children, changeOf, place, draw, boxAt };
})();
