"use strict";
// Tables that sort by the column whose heading is clicked: the better end first, then the other; gaps stay last.

function makeSortable(table) {
  const headings = [...table.tHead.rows[0].cells];
  headings.forEach((heading, column) => {
    heading.querySelector("button").addEventListener("click", () => {
      const sorted = heading.getAttribute("aria-sort");
      const first = heading.dataset.better === "higher" ? "descending" : "ascending";
      const other = first === "ascending" ? "descending" : "ascending";
      headings.forEach((one) => one.removeAttribute("aria-sort"));
      heading.setAttribute("aria-sort", sorted === first ? other : first);
      const direction = heading.getAttribute("aria-sort") === "ascending" ? 1 : -1;
      sortBy(table.tBodies[0], column, direction, heading.dataset.better === "zero");
    });
  });
}

// `absolute`: by how far values are from zero.
function sortBy(body, column, direction, absolute) {
  const value = (row) => row.cells[column].dataset.value;
  const compare = (a, b) => {
    const [one, two] = [value(a), value(b)];
    if (one === undefined || two === undefined) return (one === undefined) - (two === undefined);
    const numbers = [Number(one), Number(two)];
    const [a1, b1] = absolute ? numbers.map(Math.abs) : numbers;
    const order = numbers.some(Number.isNaN) ? one.localeCompare(two) : a1 - b1;
    return direction * order;
  };
  body.append(...[...body.rows].sort(compare));
}
