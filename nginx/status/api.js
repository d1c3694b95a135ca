/*
 * Asking the gateway, and as whom. A token is sent by us; a password or a
 * certificate is the browser's to send, if it was chosen: unasked for, the
 * browser would open its dialog over a page that offers other ways.
 */

const WAIT_MS = 20000;
const TOKEN = "livy-fcgi.token";	/* in sessionStorage, if so wished */
const WAY = "livy-fcgi.way";		/* in localStorage: no secret */

function stored(place, key) {
	try {
		return place().getItem(key);
	} catch {
		return null;	/* switched off by the user */
	}
}

function store(place, key, value) {
	try {
		if (value === null)
			place().removeItem(key);
		else
			place().setItem(key, value);
	} catch {
		/* then it lasts as long as this page */
	}
}

const tab = () => sessionStorage, browser = () => localStorage;
let token = stored(tab, TOKEN);
let way = token ? "token" : stored(browser, WAY);

export function signedIn() {
	return way !== null;
}

export function signInByToken(value, keep) {
	token = value;
	way = "token";
	store(tab, TOKEN, keep ? value : null);
	store(browser, WAY, null);
}

export function signInByBrowser() {
	token = null;
	way = "browser";
	store(tab, TOKEN, null);
	store(browser, WAY, way);
}

export function signOut() {
	token = way = null;
	store(tab, TOKEN, null);
	store(browser, WAY, null);
}

/* An answer that is none. status 0: there was no answer at all. */
export class Refusal extends Error {
	constructor(status, message, retryMs) {
		super(message);
		this.status = status;
		this.retryMs = retryMs;
	}
}

/* Errors are {"msg":…}, a bare string, {} or no JSON at all. */
function reason(status, text) {
	let said = text;
	try {
		const body = JSON.parse(text);
		said = typeof body === "string" ? body : body?.msg ?? "";
	} catch {
		/* as it is */
	}
	return said.trim().slice(0, 500) || `The gateway answered ${status}.`;
}

/* A number as it was written, where JavaScript's would not be the same. */
export class Exact {
	constructor(source) {
		this.source = source;
	}
	toString() {
		return this.source;
	}
	toJSON() {
		return JSON.rawJSON?.(this.source) ?? this.source;
	}
}

function exact(key, value, context) {
	return typeof value === "number" && context?.source !== undefined &&
		String(value) !== context.source ?
		new Exact(context.source) : value;
}

export async function ask(path, { method = "GET", signal, text } = {}) {
	const timeout = AbortSignal.timeout(WAIT_MS);
	const headers = { Accept: text ? "text/plain" : "application/json",
		"X-Requested-By": "livy-fcgi-status",
		"X-Livy-Observer": "1" };	/* a look is no heartbeat */
	if (way === "token")
		headers.Authorization = "Bearer " + token;
	let reply, body;
	try {
		reply = await fetch("../" + path, { method, headers,
			cache: "no-store", redirect: "error",
			credentials: way === "browser" ? "same-origin" : "omit",
			signal: AbortSignal.any([timeout, ...(signal ? [signal] : [])]) });
		body = await reply.text();
	} catch (error) {
		if (signal?.aborted)
			throw error;
		throw new Refusal(0, timeout.aborted ?
			`The gateway has not answered for ${WAIT_MS / 1000} s.` :
			"The gateway cannot be reached.");
	}
	if (!reply.ok)
		throw new Refusal(reply.status, reason(reply.status, body),
			Number(reply.headers.get("Retry-After")) * 1000 || 0);
	if (text || !body)
		return body;
	try {
		return JSON.parse(body, exact);
	} catch {
		throw new Refusal(reply.status, "The answer is not JSON.");
	}
}
