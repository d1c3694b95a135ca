/*
 * Elements from data. What clients named or printed is text here, never
 * markup: children that are no nodes become text nodes, and attributes are
 * set one by one.
 */

/* Controls that would hide or turn what stands beside them. */
const INVISIBLE =
	/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;
const COLOURS = /\u001b\[[0-9;]*[A-Za-z]/g;

/* Text of unknown origin, with what cannot be seen written out. */
export function clean(value) {
	return String(value).replace(COLOURS, "").replace(/\r\n?/g, "\n")
		.replace(INVISIBLE, (c) => "\\u" +
			c.charCodeAt(0).toString(16).padStart(4, "0"));
}

export function h(tag, attributes, ...children) {
	const element = document.createElement(tag);
	for (const [name, value] of Object.entries(attributes ?? {})) {
		if (name.startsWith("on"))
			element.addEventListener(name.slice(2), value);
		else if (value === true)
			element.setAttribute(name, "");
		else if (value !== false && value !== null && value !== undefined)
			element.setAttribute(name, value);
	}
	element.append(...children.flat().filter((c) => c !== null &&
		c !== undefined && c !== false));
	return element;
}

/* Something a client chose: its direction stays its own. */
export function theirs(value) {
	return h("bdi", {}, clean(value));
}

export function badge(state) {
	return h("span", { class: "state", "data-state": state }, clean(state));
}

/* Only what a browser opens as a page of the web. */
export function webLink(url, text) {
	if (!/^https?:\/\//i.test(url))
		return theirs(url);
	return h("a", { href: url, rel: "noopener noreferrer", target: "_blank" },
		text);
}

/* The children of a place, each made anew only when its data changed, so
 * that focus, selection and scrolling stay. rows: [key, data, make]. */
export function update(place, rows) {
	const old = new Map([...place.children].map((e) => [e.made?.key, e]));
	const elements = rows.map(([key, data, make]) => {
		const text = JSON.stringify(data);
		const before = old.get(key);
		if (before?.made.text === text)
			return before;
		const element = make(data);
		element.made = { key, text };
		if (before?.contains(document.activeElement))
			refocus(before, element);
		return element;
	});
	const same = elements.length === place.children.length &&
		elements.every((e, i) => e === place.children[i]);
	if (!same)
		place.replaceChildren(...elements);
}

/* Focus goes to what stands where it was, once that is on the page. */
function refocus(before, after) {
	const find = (e) => [...e.querySelectorAll("a, button, summary, [tabindex]")];
	const at = find(before).indexOf(document.activeElement);
	queueMicrotask(() => find(after)[at]?.focus());
}

export function duration(ms) {
	const s = Math.max(0, ms) / 1000;
	if (s < 10)
		return `${s.toFixed(1)} s`;
	if (s < 100)
		return `${Math.round(s)} s`;
	if (s < 5400)
		return `${Math.floor(s / 60)} min`;
	if (s < 172800)
		return `${Math.floor(s / 3600)} h`;
	return `${Math.floor(s / 86400)} days`;
}

/* The same for what is counted in whole seconds. */
export function seconds(ms) {
	return duration(Math.floor(ms / 1000) * 1000).replace(".0", "");
}

export function count(n, one, many = one + "s") {
	return `${n.toLocaleString("en")} ${n === 1 ? one : many}`;
}
