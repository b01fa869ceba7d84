"use strict";
(function () {
  var every = function (selector, within) { return Array.from((within || document).querySelectorAll(selector)); };
  var form = document.getElementById("filters");
  var search = document.getElementById("search");
  var shown = document.getElementById("shown");
  var boxes = form ? every("input[name=state]", form) : [];
  var cards = every("#cards > details").map(function (card) {
    var name = card.querySelector("summary").textContent.toLowerCase();
    var lines = every("[data-state]", card).map(function (line) {
      return {
        line: line, state: line.dataset.state, counts: line.tagName === "TR",
        text: name + " " + line.textContent.toLowerCase(),
      };
    });
    return { card: card, lines: lines, open: card.open };
  });

  function filter() {
    var states = new Set(boxes.filter(function (box) { return box.checked; }).map(function (box) { return box.value; }));
    var words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    var seen = 0, all = 0;
    cards.forEach(function (each) {
      var some = false;
      each.lines.forEach(function (one) {
        var fits = states.has(one.state) && words.every(function (word) { return one.text.includes(word); });
        one.line.hidden = !fits;
        some = some || fits;
        all += one.counts;
        seen += one.counts && fits;
      });
      each.card.hidden = !some;
      each.card.open = words.length ? some : each.open;
    });
    shown.textContent = seen + " of " + all + " listed results shown";
  }

  // The address keeps the filter, behind the section that was chosen: #results&show=FAIL&find=words
  function place() { return location.hash.slice(1).split("&").filter(function (part) { return part && !part.includes("="); })[0] || ""; }
  function keep() {
    var kept = new URLSearchParams();
    var checked = boxes.filter(function (box) { return box.checked; });
    if (checked.length < boxes.length) kept.set("show", checked.map(function (box) { return box.value; }).join(","));
    if (search.value) kept.set("find", search.value);
    var parts = [place(), kept.toString()].filter(Boolean).join("&");
    history.replaceState(null, "", parts ? "#" + parts : location.pathname + location.search);
  }
  function recall() {
    var told = new URLSearchParams(location.hash.slice(1));
    if (told.has("show")) {
      var states = told.get("show").split(",");
      boxes.forEach(function (box) { box.checked = states.includes(box.value); });
    }
    if (told.has("find")) search.value = told.get("find");
  }
  function reveal() {
    var target = place() && document.getElementById(place());
    if (!target) return;
    var around = target.closest("details");
    if (around) around.open = true;
    if (location.hash.includes("&")) target.scrollIntoView();
  }

  if (form) {
    form.addEventListener("submit", function (event) { event.preventDefault(); });
    form.addEventListener("input", function () { filter(); keep(); });
    form.hidden = false;
    recall();
    filter();
  }
  window.addEventListener("hashchange", function () {
    if (form && location.hash.includes("=")) { recall(); filter(); }
    reveal();
    if (form) keep();
  });
  reveal();

  var folded = [];
  window.addEventListener("beforeprint", function () {
    folded = every("details:not([open])");
    folded.forEach(function (each) { each.open = true; });
  });
  window.addEventListener("afterprint", function () {
    folded.forEach(function (each) { each.open = false; });
    folded = [];
  });
})();
