/*
 * The newest batches with their states, asked for every two seconds, and the
 * log of the one that was picked. What clients named or printed is text here,
 * never markup.
 */
"use strict";

const PAGE = 100;
const EVERY_MS = 2000;
const WAIT_MS = 10000;
const COLUMNS = ["Id", "Name", "Owner", "State", "Application", "Log"];

let picked = null;
let seen = null;

async function ask(path) {
	const reply = await fetch("../" + path, {
		headers: { Accept: "application/json" },
		signal: AbortSignal.timeout(WAIT_MS),
	});
	if (!reply.ok)
		throw new Error("the gateway answered " + reply.status);
	return reply.json();
}

/* The list rises by id; the page that ends it is the one to show. */
async function newest() {
	const first = await ask("batches?from=0&size=1");
	const from = Math.max(0, first.total - PAGE);
	const page = await ask(`batches?from=${from}&size=${PAGE}`);
	return { total: page.total, batches: page.sessions.reverse() };
}

function note(text, stale) {
	const place = document.getElementById("note");
	place.textContent = text;
	place.classList.toggle("stale", stale);
}

function row(batch) {
	const line = document.createElement("tr");
	const texts = [batch.id, batch.name, batch.owner, batch.state, batch.appId];
	for (const [i, text] of texts.entries()) {
		const cell = line.insertCell();
		cell.dataset.label = COLUMNS[i];
		cell.textContent = text ?? "–";
	}
	line.cells[3].classList.add(batch.state);
	const button = document.createElement("button");
	button.textContent = "Show";
	button.setAttribute("aria-label", "Show the log of batch " + batch.id);
	button.dataset.id = batch.id;
	const cell = line.insertCell();
	cell.dataset.label = COLUMNS[5];
	cell.append(button);
	return line;
}

/* Rows are made anew only when they changed, so that focus stays. */
function show(list) {
	const text = JSON.stringify(list.batches, (key, value) =>
		key === "log" ? undefined : value);
	if (text === seen)
		return;
	seen = text;
	const held = document.activeElement?.dataset?.id;
	const rows = document.getElementById("rows");
	rows.replaceChildren(...list.batches.map(row));
	if (held !== undefined)
		rows.querySelector(`button[data-id="${Number(held)}"]`)?.focus();
}

async function showLog() {
	if (picked === null)
		return;
	const id = picked;
	let text;
	try {
		const reply = await ask(`batches/${id}/log?size=1000`);
		text = reply.log.join("\n") || "(nothing yet)";
	} catch (error) {
		text = "No log: " + error.message;
	}
	if (id !== picked)
		return;
	document.getElementById("log").hidden = false;
	document.getElementById("log-title").textContent = "Log of batch " + id;
	const place = document.getElementById("log-text");
	if (place.textContent !== text)
		place.textContent = text;
}

async function refresh() {
	try {
		const list = await newest();
		show(list);
		const time = new Date().toLocaleTimeString();
		note(`${list.total} in all, as of ${time}`, false);
		await showLog();
	} catch (error) {
		note("Out of date: " + error.message, true);
	}
	setTimeout(refresh, EVERY_MS);
}

document.getElementById("rows").addEventListener("click", (event) => {
	const id = event.target.dataset.id;
	if (id !== undefined) {
		picked = Number(id);
		showLog();
	}
});
refresh();
