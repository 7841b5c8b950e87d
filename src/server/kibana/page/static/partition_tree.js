// The nodes of a partition as trees, and what all its shapes need of a node.

const DEPTH_MAX = 8;

export const sum = (nodes) => nodes.reduce((total, { size }) => total + size, 0);

/** The nodes as trees; a parent is at least as large as its children together, and negative sizes count as nothing. */
export function tree(nodes, off) {
  const build = (list, up, depth) => list.map((node) => {
    const made = { ...node, up, depth, size: 0, children: [] };
    if (depth < DEPTH_MAX) made.children = build(nodes.filter(({ parent }) => parent === node.id), made, depth + 1);
    made.size = Math.max(Number(node.value) || 0, sum(made.children), 0);
    return made;
  });
  return build(nodes.filter(({ parent, label }) => (parent === null || parent === undefined) && !off.has(label)), null, 0);
}

/** The attributes by which a part is found, named and reached with the keyboard. */
export function partProps(node) {
  const props = { "data-node": node.id, "aria-label": `${node.label}: ${node.text ?? ""} ${node.percent ?? ""}` };
  return node.filter ? { ...props, role: "button", tabindex: 0, class: "part is-clickable" } : { ...props, role: "img", class: "part" };
}

/** What stands under a part's name. */
export const shownValue = (figure, node) => (figure.shows === "percent" ? node.percent : figure.shows === "value" ? node.text : "") ?? "";
