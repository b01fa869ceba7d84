"use strict";
(function () {
  var form = document.getElementById("filters");
  var table = document.getElementById("table");
  if (!table) return;
  var search = document.getElementById("search");
  var shown = document.getElementById("shown");
  var boxes = Array.from(form.querySelectorAll("input[name=outcome]"));
  var rows = Array.from(table.tBodies[0].rows).map(function (row) {
    return { row: row, outcome: row.dataset.outcome, text: row.textContent.toLowerCase() };
  });
  function filter() {
    var outcomes = new Set(boxes.filter(function (box) { return box.checked; }).map(function (box) { return box.value; }));
    var words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    var count = 0;
    rows.forEach(function (each) {
      var seen = outcomes.has(each.outcome) && words.every(function (word) { return each.text.includes(word); });
      each.row.hidden = !seen;
      count += seen;
    });
    shown.textContent = count + " of " + rows.length + " results shown";
  }
  form.addEventListener("submit", function (event) { event.preventDefault(); });
  form.addEventListener("input", filter);
  window.addEventListener("beforeprint", function () {
    document.querySelectorAll("details").forEach(function (each) { each.open = true; });
  });
  form.hidden = false;
  filter();
})();
