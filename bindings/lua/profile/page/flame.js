// SPDX-License-Identifier: MIT
// The flame graph: a tree of boxes, drawn on a canvas. The page gives it what is counted and how threads are grouped.
"use strict";

const Flame = (() => {
  const ROW = 20, GAP = 1, LEAST = 0.4, TEXT_LEAST = 28;

  // ---- the tree

  const newBox = (name, place, kind) => ({ name, place, kind, total: 0, self: 0, times: null, below: new Map() });

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
    const world = boxBelow(top, "w" + thread.world, () => newBox(thread.world, "", "group"));
    return boxBelow(world, "t" + thread.name + thread.pid + "/" + thread.thread,
      () => newBox(thread.name, `VM ${thread.vm}, process ${thread.pid}, thread ${thread.thread}`, "group"));
  }

  function addThread(data, thread, root, counted) {
    const boxes = [root];
    for (const node of thread.nodes) {
      const f = data.functions[node[1]], times = node.slice(2);
      const box = boxBelow(boxes[node[0]], node[1], () => newBox(f.name, f.place, f.kind));
      const own = times.reduce((sum, time, i) => sum + (counted[i] ? time : 0), 0);
      box.times = box.times ? box.times.map((time, i) => time + times[i]) : times;
      box.self += own;
      for (let outer = box; outer; outer = outer.up) outer.total += own;
      boxes.push(box);
    }
  }

  // The whole as a tree of boxes.
  function build(data, mode, grouping) {
    const top = newBox("all", "", "group");
    for (const thread of data.threads) addThread(data, thread, rootOf(thread, top, grouping), data.modes[mode]);
    return top;
  }

  const children = (box) => [...box.below.values()].filter((b) => b.total > 0).sort((a, b) => b.total - a.total);

  // Places every box of the tree: x and width from 0 to 1 of what is shown, and its row.
  function place(shown) {
    const boxes = [];
    let depth = 0;
    const outer = [];
    for (let box = shown.up; box; box = box.up) outer.unshift(box);
    outer.forEach((box, row) => boxes.push({ box, row, x: 0, width: 1, isOuter: true }));
    const put = (box, row, x, width) => {
      depth = Math.max(depth, row);
      boxes.push({ box, row, x, width });
      let at = x;
      for (const b of children(box)) {
        const part = box.total ? width * b.total / box.total : 0;
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

  function colourOf(box, theme) {
    if (box.kind === "group") return theme.raised;
    if (box.kind === "state") return theme.line;
    const hues = { lua: [18, 40], c: [190, 30], own: [250, 30] }, [from, span] = hues[box.kind];
    return `hsl(${from + hash(box.name + box.place) % span} ${box.kind === "lua" ? 78 : 45}% ${theme.light})`;
  }

  function cut(context, text, room) {
    if (context.measureText(text).width <= room) return text;
    let length = Math.floor(text.length * room / context.measureText(text).width);
    while (length > 1 && context.measureText(text.slice(0, length) + "…").width > room) length--;
    return length > 1 ? text.slice(0, length) + "…" : "";
  }

  function drawBox(context, b, width, state) {
    const x = b.x * width, w = b.width * width - GAP, y = b.row * ROW, { theme, chosen, isFound } = state;
    if (w < LEAST) return;
    context.globalAlpha = b.isOuter ? 0.55 : 1;
    context.fillStyle = isFound(b.box) ? theme.found : colourOf(b.box, theme);
    context.fillRect(x, y, w, ROW - GAP);
    if (b.box === chosen) {
      context.strokeStyle = theme.ink;
      context.strokeRect(x + 0.5, y + 0.5, w - 1, ROW - GAP - 1);
    }
    context.globalAlpha = 1;
    if (w < TEXT_LEAST) return;
    context.fillStyle = b.box.kind === "group" || b.box.kind === "state" ? theme.ink : theme.onBox;
    context.fillText(cut(context, b.box.name, w - 8), x + 4, y + ROW / 2);
  }

  function draw(canvas, layout, state) {
    const width = canvas.parentElement.clientWidth, height = Math.max(1, layout.rows) * ROW, ratio = devicePixelRatio || 1;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    canvas.style.height = height + "px";
    const context = canvas.getContext("2d");
    context.scale(ratio, ratio);
    context.font = "12.5px system-ui, sans-serif";
    context.textBaseline = "middle";
    for (const b of layout.boxes) drawBox(context, b, width, state);
  }

  function boxAt(canvas, layout, event) {
    const edge = canvas.getBoundingClientRect();
    const x = (event.clientX - edge.left) / edge.width, row = Math.floor((event.clientY - edge.top) / ROW);
    return layout.boxes.find((b) => b.row === row && x >= b.x && x < b.x + b.width);
  }

  return { build, children, place, draw, boxAt };
})();
