// SPDX-License-Identifier: MIT
// The page of compare: the tooltips of its bars, its flame graphs and its timeline. Tests read its state in
// window.manymoons.
"use strict";

(() => {
  const { data } = Page;
  for (const bar of document.querySelectorAll(".bar")) {
    bar.addEventListener("pointermove", (event) => Page.tooltip.show(bar.dataset.about, event));
    bar.addEventListener("pointerleave", () => Page.tooltip.hide());
  }
  const lanes = Lanes.read(data.timeline);
  const timeline = lanes.lanes.length ? Controls.make(lanes) : null;
  const flames = data.flames ? Flames.make(data.flames, () => {}) : null;
  window.manymoons = { data, lanes, timeline, flames, theme: Page.themeName };
})();
