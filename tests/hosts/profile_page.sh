#!/bin/sh
# SPDX-License-Identifier: MIT
# The page of a profile in a browser: no errors; boxes are drawn and show the functions; modes, grouping, search, zoom and
# theme work; nothing is wider than the window. Skipped without chromium.
set -eu

cat >work.lua <<'END'
local mm = require("manymoons")
local function crunch(n)
  local sum = 0
  for i = 1, n do sum = sum + i % 7 end
  return sum
end
mm.Pool(2):map(function(x) return crunch(4000000 + x) end, { 1, 2, 3, 4 }, { chunksize = 1 })
END
"$MM_BUILD/manymoons" --world interpreters profile -o page.html work.lua >out 2>&1

cat page.html - >probed.html <<'END'
<script>
(() => {
  const out = [], say = (what, value) => out.push("probe " + what + ": " + value);
  const m = window.manymoons.flames, graph = () => m.graphs[0], byId = (id) => document.getElementById(id);
  const press = (selector) => document.querySelector(selector).click();
  const names = () => new Set(graph().layout.boxes.map((b) => b.box.name));
  const paper = () => getComputedStyle(document.body).backgroundColor;
  const colours = () => {
    const canvas = byId("flame-0"), pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
    const seen = new Set();
    for (let i = 0; i < pixels.length; i += 4) seen.add(pixels[i] << 16 | pixels[i + 1] << 8 | pixels[i + 2]);
    return seen.size;
  };
  say("mode", m.mode);
  say("hasCrunch", names().has("crunch"));
  say("hasWorld", names().has("interpreters"));
  say("isDrawn", colours() > 3);
  press("[data-grouping=merged]");
  say("isMerged", !names().has("interpreters") && names().has("crunch"));
  press("[data-mode=wall]");
  say("wallIsMore", graph().top.total > 0 && document.querySelector("[data-mode=wall]").getAttribute("aria-pressed"));
  byId("search").value = "crunch";
  byId("search").dispatchEvent(new Event("input"));
  say("isFound", /found: [1-9][0-9.]* %/.test(byId("flame-status-0").textContent));
  byId("flame-0").dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowDown" }));
  byId("flame-0").dispatchEvent(new KeyboardEvent("keydown", { key: "Enter" }));
  say("isZoomed", graph().shown !== graph().top);
  press("#flame-reset");
  say("isWhole", graph().shown === graph().top);
  say("firstRow", byId("table").tBodies[0].rows.length > 0);
  const before = paper();
  press("#theme");
  say("paperChanges", paper() !== before);
  say("fits", document.documentElement.scrollWidth <= innerWidth);
  document.body.append(Object.assign(document.createElement("pre"), { id: "probe", textContent: out.join("\n") }));
})();
</script>
END

for size in 1280,900 500,900; do
  status=0
  "$MM_TOP/tests/support/browse" probed.html --window-size=$size || status=$?
  [ $status = 0 ] || exit $status
  [ ! -s console.txt ] || { cat console.txt; exit 1; }
  for line in "mode: cpu" "hasCrunch: true" "hasWorld: true" "isDrawn: true" "isMerged: true" "wallIsMore: true" \
    "isFound: true" "isZoomed: true" "isWhole: true" "firstRow: true" "paperChanges: true" "fits: true"; do
    sed 's/.*<pre id="probe">//; s/<\/pre>.*//' dom.txt | grep -qx "probe $line" ||
      { echo "$size: the probe does not say '$line'"; grep '^probe \|id="probe"' dom.txt; exit 1; }
  done
done
