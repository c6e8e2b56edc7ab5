// Shows how far the clip is, and sends it once however often the button is pressed. Without this script the same form is
// sent by the browser itself.

const form = document.querySelector("[data-upload]");
const told = document.querySelector("[data-status]");
if (form instanceof HTMLFormElement && told) {
	let sending = false;
	const title = document.title;
	const leaving = (/** @type {BeforeUnloadEvent} */ event) => event.preventDefault();
	form.addEventListener("submit", event => {
		event.preventDefault();
		if (sending) return;
		sending = true;
		addEventListener("beforeunload", leaving);
		const bar = document.createElement("progress");
		const words = document.createElement("span");
		bar.max = 1;
		bar.setAttribute("aria-label", title);
		told.replaceChildren(bar, words);
		const end = () => {
			removeEventListener("beforeunload", leaving);
			document.title = title;
			sending = false;
		};
		const request = new XMLHttpRequest();
		request.open("POST", form.action);
		request.setRequestHeader("Accept", "text/html");
		request.upload.addEventListener("progress", sent => {
			if (!sent.lengthComputable) return;
			const percent = Math.floor(100 * sent.loaded / sent.total) + " %";
			bar.value = sent.loaded / sent.total;
			if (words.textContent !== percent) words.textContent = percent;
			document.title = percent + " · " + title;
		});
		request.addEventListener("load", () => {
			end();
			if (request.status < 400 && request.responseURL) {
				location.assign(request.responseURL);
				return;
			}
			// What is to be corrected stands above the form, which keeps the file that was chosen.
			const page = new DOMParser().parseFromString(request.responseText, "text/html");
			const found = page.querySelector(".summary, .error-page");
			document.querySelector(".summary, .error-page")?.remove();
			told.replaceChildren();
			if (found instanceof HTMLElement) {
				form.before(found);
				found.tabIndex = -1;
				found.focus();
			}
		});
		request.addEventListener("error", () => {
			end();
			form.submit(); // the browser says what is wrong with the line
		});
		request.send(new FormData(form));
	});
}
