/*
 * Sessions or batches, newest first. The list of the API rises by id, so
 * pages are counted from its end; order by anything but the id, and the
 * filter, are of the page that was read: 10,000 rows are never fetched.
 */
import { ask } from "./api.js";
import { badge, clean, count, h, theirs, update } from "./dom.js";
import { KINDS, STATES, itemLink, story } from "./views.js";

const EVERY_MS = 3000;
const SIZES = [50, 100, 500];

/* heading, the text that sorts and filters, the cell, where it is shown */
const COLUMNS = [
	{ key: "id", title: "Id", of: (v) => v.id,
		cell: (v, kind) => h("a", { href: itemLink(kind, v) }, v.id) },
	{ key: "name", title: "Name", of: (v) => v.name ?? "",
		cell: (v) => v.name === null ? "–" : theirs(v.name) },
	{ key: "kind", title: "Kind", of: (v) => v.kind ?? "",
		cell: (v) => theirs(v.kind), only: "sessions" },
	{ key: "state", title: "State", of: (v) => v.state,
		cell: (v) => badge(v.state) },
	{ key: "owner", title: "Owner", of: (v) => v.owner ?? "",
		cell: (v) => v.owner === null ? "–" : theirs(v.owner) },
	{ key: "app", title: "Application", of: (v) => v.appId ?? "",
		cell: (v) => v.appId === null ? "–" :
			h("span", { class: "cut", title: clean(v.appId) },
				theirs(v.appId)) },
	{ key: "why", title: "Reason", of: (v) => story(v).join(" "),
		cell: (v) => h("span", { class: "clamp" },
			theirs(story(v).join(" ").slice(0, 400))) },
];

function compare(a, b) {
	return typeof a === "number" ? a - b : a.localeCompare(b);
}

function option(value, text, chosen) {
	return h("option", { value, selected: value === chosen }, text);
}

export function listPage([kind], wanted, again) {
	const columns = COLUMNS.filter((c) => !c.only || c.only === kind);
	const want = {
		page: Math.max(1, Number(wanted.get("page")) || 1),
		size: SIZES.find((s) => s === Number(wanted.get("size"))) ?? SIZES[0],
		sort: columns.find((c) => c.key === wanted.get("sort"))?.key ?? "id",
		up: wanted.has("up"),
		state: wanted.get("state") ?? "",
		text: wanted.get("text") ?? "",
	};
	let total = null, views = [];

	const filter = h("input", { id: "filter", type: "search",
		value: want.text, autocomplete: "off", oninput: () =>
			change({ text: filter.value }, show) });
	const state = h("select", { id: "state", onchange: () =>
		change({ state: state.value }, show) },
	option("", "Any state", want.state),
	STATES.map(([s]) => option(s, s, want.state)));
	const size = h("select", { id: "size", onchange: () =>
		change({ size: Number(size.value), page: 1 }, again) },
	SIZES.map((s) => option(s, `${s} a page`, want.size)));
	const open = h("input", { id: "open", autocomplete: "off",
		placeholder: "Id or name", enterkeyhint: "go" });
	const heads = h("tr", {}, columns.map((c) => h("th", { scope: "col" },
		h("button", { class: "sort", "data-key": c.key, onclick: () =>
			sortBy(c) }, c.title))));
	const body = h("tbody");
	const summary = h("p", { class: "faint", id: "summary" });
	const newer = h("button", { onclick: () => turnPage(-1) }, "← Newer");
	const older = h("button", { onclick: () => turnPage(1) }, "Older →");
	const element = h("div", {},
		h("div", { class: "bar" },
			h("h1", { tabindex: -1 }, KINDS[kind].title),
			h("form", { class: "open", onsubmit: (event) => {
				event.preventDefault();
				if (open.value.trim())
					location.hash = `#/${kind}/` +
						encodeURIComponent(open.value.trim());
			} }, h("label", { for: "open", class: "quiet" },
				"Open by id or name"), open, h("button", {}, "Open"))),
		h("div", { class: "tools" },
			h("label", { for: "filter" }, "Filter this page"), filter,
			h("label", { for: "state", class: "quiet" },
				"State on this page"), state,
			h("label", { for: "size", class: "quiet" }, "Page size"), size),
		h("table", { class: "list" },
			h("caption", { class: "quiet" }, KINDS[kind].title),
			h("thead", {}, heads), body),
		h("div", { class: "pages" }, newer, summary, older));

	function change(what, then) {
		Object.assign(want, what);
		const query = new URLSearchParams();
		for (const [key, value] of Object.entries(want))
			if (value && value !== 1 && `${key} ${value}` !== "sort id" &&
				`${key} ${value}` !== `size ${SIZES[0]}`)
				query.set(key, value === true ? "1" : value);
		history.replaceState(null, "", `#/${kind}` +
			(query.size ? "?" + query : ""));
		then();
	}

	function sortBy(column) {
		/* by id the newest come first, all else rises at first */
		const up = want.sort === column.key ? !want.up : column.key !== "id";
		const whole = column.key === "id" || rising();
		change({ sort: column.key, up, page: whole ? 1 : want.page },
			whole ? again : show);
	}

	function turnPage(by) {
		change({ page: want.page + by }, again);
	}

	/* Oldest first only if that is what the id is sorted by. */
	function rising() {
		return want.sort === "id" && want.up;
	}

	function passes(view) {
		const text = want.text.toLowerCase();
		return (!want.state || view.state === want.state) && (!text ||
			columns.some((c) => String(c.of(view)).toLowerCase()
				.includes(text)));
	}

	function row({ view }) {
		return h("tr", { "data-id": view.id }, columns.map((c) =>
			h("td", { "data-label": c.title, class: "c-" + c.key },
				c.cell(view, kind))));
	}

	function emptyText() {
		if (total === null)
			return "Loading…";
		if (total === 0)
			return `There are no ${kind} yet.`;
		return views.length ? "Nothing on this page matches the filter." :
			"There is nothing on this page any more.";
	}

	function show() {
		const column = columns.find((c) => c.key === want.sort);
		const sign = want.up ? 1 : -1;
		const shown = views.filter(passes).sort((a, b) =>
			sign * compare(column.of(a), column.of(b)) || b.id - a.id);
		update(body, shown.length ? shown.map((view) =>
			[view.id, { view }, row]) : [["none", emptyText(), (text) => h("tr", {},
				h("td", { colspan: columns.length, class: "none" }, text))]]);
		for (const th of heads.cells) {
			const key = th.firstChild.dataset.key;
			if (key === want.sort)
				th.setAttribute("aria-sort",
					want.up ? "ascending" : "descending");
			else
				th.removeAttribute("aria-sort");
		}
		const last = Math.max(1, Math.ceil(total / want.size));
		newer.textContent = rising() ? "← Older" : "← Newer";
		older.textContent = rising() ? "Newer →" : "Older →";
		newer.disabled = want.page <= 1;
		older.disabled = want.page >= last;
		if (total === null)
			return;
		summary.textContent = `${shown.length === views.length ?
			count(views.length, "row") :
			`${shown.length} of ${count(views.length, "row")}`} on page ` +
			`${want.page.toLocaleString("en")} of ` +
			`${last.toLocaleString("en")}, ` +
			`${(total ?? 0).toLocaleString("en")} ${kind} in all`;
	}

	/* The part of the list that this page is, as far as its length is known. */
	function part() {
		const before = want.size * (want.page - 1);
		if (rising())
			return [before, want.size];
		const end = Math.max(0, total - before);
		const from = Math.max(0, end - want.size);
		return [from, end - from];
	}

	async function refresh(signal) {
		const read = (from, size) =>
			ask(`${kind}?from=${from}&size=${size}`, { signal });
		total ??= (await read(0, 0)).total;
		for (let tries = 0; tries < 2; tries++) {
			const reply = await read(...part());
			const moved = reply.total !== total && !rising();
			({ total, sessions: views } = reply);
			if (!moved)
				break;	/* else the end is elsewhere since */
		}
		if (!signal.aborted)
			show();
		return EVERY_MS;
	}

	show();
	return { title: KINDS[kind].title, element, refresh };
}
