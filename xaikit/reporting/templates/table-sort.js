"use strict";
// Turn headers into buttons that sort their table.
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  if (body.rows.length < 3) continue;
  [...table.tHead.rows[0].cells].forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const up = head.getAttribute("aria-sort") !== "ascending";
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      const key = (row) => {
        const cell = row.cells[column];
        const number = cell.dataset.v === undefined ? NaN : parseFloat(cell.dataset.v);
        return { number, text: cell.textContent };
      };
      const rows = [...body.rows].map((row) => ({ row, ...key(row) }));
      rows.sort((a, b) => {
        // What is not known stays at the end, whichever way.
        if (isNaN(a.number) !== isNaN(b.number)) return isNaN(a.number) ? 1 : -1;
        const order = isNaN(a.number) ? a.text.localeCompare(b.text, undefined, { numeric: true })
          : a.number - b.number;
        return up ? order : -order;
      });
      body.append(...rows.map((r) => r.row));
    });
  });
}
