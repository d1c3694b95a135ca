/* What stands in a page's place: signing in, and what went wrong. */
import { signInByBrowser, signInByToken } from "./api.js";
import { clean, h } from "./dom.js";

const WORDS = {
	0: ["No answer", "Is the network up? This page tries again by itself."],
	403: ["Not allowed", "You are signed in, but this is not yours to see. " +
		"Its owner or an administrator can show it to you."],
	404: ["Not found", "It may have been deleted, by somebody or because its " +
		"time of retention is over."],
	429: ["Too many requests", "This page asks again in a while."],
	502: ["The gateway is down", "nginx answers, but no worker of livy-fcgi " +
		"does. An administrator can see in its log why; this page tries " +
		"again by itself."],
	503: ["The gateway is not ready", "This page tries again by itself."],
	504: ["The gateway is too slow", "This page tries again by itself."],
};

export function problemPanel(error) {
	const [heading, advice] = WORDS[error.status] ?? ["An error",
		"This page tries again by itself."];
	return h("section", { class: "panel problem" },
		h("h1", { tabindex: -1 }, heading),
		h("p", { class: "said" }, clean(error.message)),
		h("p", {}, advice),
		h("p", {}, h("a", { href: "#/" }, "To the overview")));
}

/* tried: what was sent, if anything, was refused. */
export function signInPanel(tried, then) {
	const field = h("input", { id: "token", type: "password", required: true,
		autocomplete: "off", spellcheck: "false" });
	const keep = h("input", { id: "keep", type: "checkbox" });
	const form = h("form", { onsubmit: (event) => {
		event.preventDefault();
		const value = field.value.trim().replace(/^Bearer +/i, "");
		if (!/^[\x21-\x7e]+$/.test(value)) {
			field.setCustomValidity("A token is letters, digits and signs.");
			return field.reportValidity();
		}
		signInByToken(value, keep.checked);
		then();
	}, oninput: () => field.setCustomValidity("") },
	h("label", { for: "token" }, "Bearer token"), field,
	h("label", { class: "tick" }, keep,
		" Keep it until this tab is closed"),
	h("button", { class: "main" }, "Sign in"));
	return h("section", { class: "panel" },
		h("h1", { tabindex: -1 }, "Sign in"),
		tried && h("p", { class: "said", role: "alert" },
			"The gateway did not accept that."),
		form,
		h("p", { class: "or" }, "or"),
		h("button", { onclick: () => {
			signInByBrowser();
			then();
		} }, "Use a password or certificate"),
		h("p", { class: "faint" }, "Your browser asks for the password, or " +
			"sends its certificate. Ask your administrator which of these " +
			"ways this gateway knows."));
}

/* Asks before something is lost; whether it was agreed to. */
export function confirmed(question, consequence, verb) {
	const dialog = h("dialog", { "aria-labelledby": "question" },
		h("h2", { id: "question" }, question),
		h("p", {}, consequence),
		h("div", { class: "choices" },
			h("button", { onclick: () => dialog.close() }, "Keep it"),
			h("button", { class: "danger", onclick: () =>
				dialog.close("yes") }, verb)));
	document.body.append(dialog);
	dialog.showModal();
	return new Promise((resolve) => dialog.addEventListener("close", () => {
		dialog.remove();
		resolve(dialog.returnValue === "yes");
	}));
}
