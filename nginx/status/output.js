/* What a statement gave, by its type; every part of it is text. */
import { clean, count, h, theirs } from "./dom.js";

const TEXT_MAX = 20000;	/* characters, until all is asked for */
const ROWS = 50;	/* of a table, and more each time */
const CELL_MAX = 1000;
const SHORT = 40;	/* characters that stay on one line */

export function longText(value, style = "") {
	const all = clean(value);
	const pre = h("pre", { class: style, tabindex: 0 }, all.slice(0, TEXT_MAX));
	if (all.length <= TEXT_MAX)
		return pre;
	const button = h("button", { class: "more", onclick: () => {
		pre.textContent = all;
		button.remove();
	} }, `Show all ${count(all.length, "character")}`);
	return h("div", {}, pre, button);
}

function cellText(value) {
	if (value === null)
		return h("i", { class: "faint" }, "null");
	const text = typeof value === "object" && !value.source ?
		JSON.stringify(value) : String(value);
	const cell = theirs(text.length > CELL_MAX ?
		text.slice(0, CELL_MAX) + "…" : text);
	cell.className = text.length > SHORT ? "long" : "";
	return cell;
}

/* columns: [name, type]; rows: arrays of values. */
function table(columns, rows, id) {
	const body = h("tbody");
	const more = h("button", { class: "more", onclick: () => add() },
		"Show more");
	const said = h("span");
	let shown = 0;

	function add() {
		const next = rows.slice(shown, shown + ROWS);
		body.append(...next.map((row) => h("tr", {},
			columns.map((_, i) => h("td", {}, cellText(row[i] ?? null))))));
		shown += next.length;
		more.hidden = shown >= rows.length;
		said.textContent = more.hidden ? count(rows.length, "row") :
			`${shown} of ${count(rows.length, "row")} `;
	}
	add();
	return h("div", {}, h("div", { class: "wide", tabindex: 0, role: "region",
		"aria-label": `Output of statement ${id}` }, h("table", { class: "data" },
		h("caption", { class: "quiet" }, "Output"),
		h("thead", {}, h("tr", {}, columns.map(([name, type]) =>
			h("th", { scope: "col" }, theirs(name),
				h("small", {}, theirs(type)))))), body)),
	h("p", { class: "faint" }, said, more));
}

function typeName(type) {
	return typeof type === "string" ? type : type?.type ?? "?";
}

/* SQL's answer has a schema; anything else is shown as JSON. */
function showJson(value, id) {
	const fields = value?.schema?.fields;
	if (!Array.isArray(fields) || !Array.isArray(value.data))
		return longText(JSON.stringify(value, null, 2));
	if (!fields.length)
		return h("p", { class: "faint" }, "Done; it returns no rows.");
	return table(fields.map((f) => [f.name, typeName(f.type)]), value.data,
		id);
}

function showTable(value, id) {
	if (!Array.isArray(value?.headers) || !Array.isArray(value.data))
		return longText(JSON.stringify(value, null, 2));
	return table(value.headers.map((f) => [f.name, f.type]), value.data, id);
}

function showImage(value, id) {
	const base64 = String(value).replace(/\s/g, "");
	if (!/^[A-Za-z0-9+/]+=*$/.test(base64))
		return longText(value);
	return h("img", { src: "data:image/png;base64," + base64,
		alt: `The image that statement ${id} made` });
}

const SHOW = new Map([
	["application/vnd.livy.table.v1+json", showTable],
	["application/json", showJson],
	["image/png", showImage],
	["text/plain", (value) => value === "" ?
		h("p", { class: "faint" }, "No output.") : longText(value)],
]);

function part([type, value], id) {
	if (SHOW.has(type))
		return SHOW.get(type)(value, id);
	return h("div", {}, h("p", { class: "faint" }, theirs(type),
		", shown as text"), longText(typeof value === "string" ? value :
		JSON.stringify(value, null, 2)));
}

function showError(output) {
	const trace = (output.traceback ?? []).map((line) =>
		String(line).replace(/\n$/, "")).join("\n");
	return h("div", { class: "failure" },
		h("p", {}, h("b", {}, theirs(output.ename)), ": ",
			longText(output.evalue ?? "", "inline")),
		trace && h("details", {}, h("summary", {}, "Traceback"),
			longText(trace)));
}

export function outputView(output, id) {
	if (output === null || output === undefined)
		return null;
	return h("div", { class: "output" }, output.status === "error" ?
		showError(output) :
		Object.entries(output.data ?? {}).map((entry) => part(entry, id)));
}
