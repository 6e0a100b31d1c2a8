"use strict";
// Put the parts together once the data is there.

function openTab(name) {
  for (const tab of document.querySelectorAll("[data-tab]")) {
    tab.setAttribute("aria-selected", String(tab.dataset.tab === name));
    byId(tab.dataset.tab).hidden = tab.dataset.tab !== name;
  }
  page.listen.show();
}

page.listen = new Listen(page.data);
page.plot = new Plot(page.data);
page.curves = new Curves(page.data);
document.querySelectorAll("table.sortable").forEach(makeSortable);
for (const tab of document.querySelectorAll("[data-tab]")) tab.addEventListener("click", () => openTab(tab.dataset.tab));
// What was clicked does not keep the focus: the keys are for listening.
addEventListener("click", (event) => {
  if (event.detail > 0) event.target.closest("button, input, summary")?.blur();
});
addEventListener("change", (event) => event.target.blur());
addEventListener("keydown", (event) => {
  if (!byId("listen").hidden) page.listen.onKey(event);
});
