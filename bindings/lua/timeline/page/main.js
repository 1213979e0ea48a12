// SPDX-License-Identifier: MIT
// The page of a trace: its timeline. Tests read its state in window.manymoons.
"use strict";

(() => {
  const lanes = Lanes.read(Page.data.timeline);
  const timeline = lanes.lanes.length ? Controls.make(lanes) : null;
  window.manymoons = { data: Page.data, lanes, timeline, theme: Page.themeName };
})();
