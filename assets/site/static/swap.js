// Replaces a part of this page with the same part of the page that the server has made. So scripts need no texts.

/**
 * Puts the part of html that the selector names in place of this page's. The focus stays where it was.
 * @param {string} selector
 * @param {string} html
 * @returns {Element | null} the new part
 */
export function swap(selector, html) {
	const made = new DOMParser().parseFromString(html, "text/html").querySelector(selector);
	const old = document.querySelector(selector);
	if (!made || !old) return null;
	if (made.isEqualNode(old)) return old;
	const focused = old.contains(document.activeElement);
	const address = document.activeElement?.getAttribute("href");
	const fresh = document.importNode(made, true);
	old.replaceWith(fresh);
	const same = address && fresh.querySelector(`a[href="${CSS.escape(address)}"]`);
	const target = same || fresh.querySelector("button, a, [tabindex]");
	if (focused && target instanceof HTMLElement) target.focus({preventScroll: true});
	return fresh;
}

/**
 * Asks for this page again every so often while somebody looks at it, and swaps a part. An answer that has not changed
 * costs a 304. It ends when the part is marked as final, or after ten minutes without use.
 * @param {string} selector
 * @param {number} seconds
 * @param {(part: Element) => boolean} isFinal
 */
export function refresh(selector, seconds, isFinal) {
	const connection = /** @type {{saveData?: boolean} | undefined} */ (Reflect.get(navigator, "connection"));
	const pause = (connection?.saveData ? 60 : seconds) * 1000;
	let used = Date.now();
	for (const sign of ["pointerdown", "keydown", "scroll"]) {
		addEventListener(sign, () => { used = Date.now(); }, {passive: true});
	}
	const again = async () => {
		if (document.visibilityState === "visible" && Date.now() - used < 600_000) {
			try {
				const answer = await fetch(location.href.split("#")[0], {cache: "no-cache"});
				const part = answer.ok ? swap(selector, await answer.text()) : null;
				if (part && isFinal(part)) return;
			} catch {
				// The line is down: the next turn tries again.
			}
		}
		setTimeout(again, pause);
	};
	setTimeout(again, pause);
}
